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
        Terminal.show(
            "engine: libtorch \(findings.torch) on \(findings.device), \(findings.threads) threads; "
                + "kernels for the CPU: \(findings.kernels)", json: json)
        for layer in findings.sandbox { Terminal.show("sandbox: \(layer)", json: json) }
        if let error = findings.sandboxError {
            Terminal.show(Terminal.paint("sandbox: \(error)", .red), json: json)
        }
        Terminal.show(
            findings.models.isEmpty
                ? Terminal.paint(
                    "models: none in \(KnownModel.folder.path()); coe models fetch \(KnownModel.default.name) gets one",
                    .red)
                : "models: " + findings.models.joined(separator: ", "), json: json)
        if json { try Terminal.printJSON(findings) }
        if findings.sandboxError != nil || findings.models.isEmpty { throw ExitCode(1) }
    }
}
