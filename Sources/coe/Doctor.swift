import ArgumentParser
import Foundation
import PythonSandbox

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says what works on this machine; exit code 1 when something needed is missing.")

    @Flag(help: "Print the findings as one JSON object on standard output.") var json = false

    private struct Findings: Codable {
        var sandbox: [String] = []
        var sandboxError: String?
        var models: [String] = []
    }

    func run() async throws {
        var findings = Findings()
        do {
            findings.sandbox = try await withSandbox { $0.layers }
        } catch {
            findings.sandboxError = "\(error)"
        }
        findings.models = KnownModel.all.filter { $0.size != nil }.map(\.name)
        for layer in findings.sandbox { Terminal.say("sandbox: \(layer)") }
        if let error = findings.sandboxError { Terminal.say(Terminal.paint("sandbox: \(error)", .red)) }
        Terminal.say(
            findings.models.isEmpty
                ? Terminal.paint("models: none in \(KnownModel.folder.path()); scripts/bootstrap fetches one", .red)
                : "models: " + findings.models.joined(separator: ", "))
        if json { try Terminal.printJSON(findings) }
        if findings.sandboxError != nil || findings.models.isEmpty { throw ExitCode(1) }
    }
}
