import Foundation
import Testing
import UserRunner

/// A throw-away project.
struct Folder {
    let path: String

    init(_ files: [String: String]) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "coe-user-\(UUID())")
        path = Project.real(folder.path(percentEncoded: false))
        for (name, text) in files { try write(name, text) }
    }

    func write(_ name: String, _ text: String) throws {
        let file = URL(filePath: path).appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    func configuration(
        _ file: String = "m.py", tests: [String] = ["checks.py"], kind: TestKind = .auto, command: String? = nil,
        interpreter: String? = "python3", limits: RunnerLimits = RunnerLimits()
    ) -> RunnerConfiguration {
        RunnerConfiguration(
            file: "\(path)/\(file)", tests: tests, command: command, kind: kind,
            project: Project(of: "\(path)/\(file)", workingFolder: path), interpreter: interpreter, limits: limits)
    }
}

/// Runs a body with a runner that is shut down in the end.
func withRunner<Result: Sendable>(
    _ configuration: RunnerConfiguration, _ body: (UserRunner) async throws -> Result
) async throws -> Result {
    let runner = try await UserRunner(configuration)
    do {
        let result = try await body(runner)
        await runner.shutdown()
        return result
    } catch {
        await runner.shutdown()
        throw error
    }
}

/// An interpreter with pytest and its plugins: `COE_RUNNER_PYTHON`, or the one of `.venv-runner`, which scripts/test makes.
enum PytestPython {
    static let path: String? = {
        let root = URL(filePath: #filePath).appending(path: "../../..").standardized
        let own = root.appending(path: ".venv-runner/bin/python").path(percentEncoded: false)
        let path = ProcessInfo.processInfo.environment["COE_RUNNER_PYTHON"] ?? own
        guard FileManager.default.isExecutableFile(atPath: path) else {
            print("note: no interpreter with pytest; tests that need it are skipped (scripts/test makes .venv-runner)")
            return nil
        }
        return path
    }()
}

extension RunnerReport {
    func test(_ id: String) -> RunnerTest? { tests.first { $0.id.contains(id) } }
}
