import ArgumentParser
import CommandSupport
import Foundation
import PythonSandbox
import ServeCommands
import StatefulTools
import Tensors

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says what works on this machine; exit code 1 when something needed is missing.")

    @OptionGroup var sandbox: SandboxOptions
    @Flag(help: .json) var json = false

    private struct Findings: Codable {
        var torch = Engine.version
        var device = Device.best.description
        var threads = Engine.threadCount
        var kernels = Kernels.instructions
        var sandbox: [String] = []
        var sandboxError: String?
        var models: [String] = []
    }

    func run() async throws {
        var findings = Findings()
        do {
            findings.sandbox = try await withSandbox(sandbox.configuration) { $0.layers }
        } catch {
            findings.sandboxError = "\(error)"
        }
        findings.models = KnownModel.all.filter { $0.size != nil }.map(\.name)
        show(
            "engine: libtorch \(findings.torch) on \(findings.device), \(findings.threads) threads; "
                + "kernels for the CPU: \(findings.kernels)")
        for layer in findings.sandbox { show("sandbox: \(layer)") }
        if let error = findings.sandboxError {
            show(Terminal.paint("sandbox: \(error)", .red))
        }
        show(
            findings.models.isEmpty
                ? Terminal.paint(
                    "models: none in \(KnownModel.folder.path()); coe models fetch \(KnownModel.default.name) gets one",
                    .red)
                : "models: " + findings.models.joined(separator: ", "))
        if json { try Terminal.printJSON(findings) }
        if findings.sandboxError != nil || findings.models.isEmpty { throw ExitCode(1) }
    }

    private func show(_ text: String) { Terminal.show(text, json: json, isProse: true) }
}
