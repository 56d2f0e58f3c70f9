import ArgumentParser
import Foundation
import PythonSandbox
import RepairTasks

/// FILE and TESTS as `repair` and `check` take them.
struct UserFile: ParsableArguments {
    @Argument(help: "The Python program.")
    var file: String

    @Option(help: "A file of asserts, test_* functions or unittest classes; the doctests in FILE when not given.")
    var tests: String?

    @OptionGroup private var sandboxOptions: SandboxOptions

    /// The user's own programs may import what the user's interpreter has.
    var sandbox: SandboxConfiguration {
        var configuration = sandboxOptions.configuration
        configuration.sitePackages = true
        return configuration
    }

    /// The task that the files make.
    func task(prompt: String = "") throws -> RepairTask {
        let program = try Self.read(file, "the program")
        if program.allSatisfy(\.isWhitespace) {
            throw UsageError(description: "\(file) is empty: there is nothing to test.")
        }
        let suite: TestSuite
        if let tests {
            suite = .file(source: try Self.read(tests, "the tests"), name: URL(filePath: tests).lastPathComponent)
        } else {
            suite = .doctests(source: program)
        }
        return RepairTask(
            id: file, prompt: prompt, program: program,
            moduleName: URL(filePath: file).deletingPathExtension().lastPathComponent, tests: suite)
    }

    /// The report on the program as it is. Says how to give tests where the program holds none.
    func report(_ task: RepairTask, _ sandbox: PythonSandbox) async throws -> SandboxReport {
        do {
            let report = try await sandbox.run(task.job(program: task.program))
            if report.programError == nil, report.tests.isEmpty, tests == nil { throw noDoctests }
            return report
        } catch let error as SandboxError where error.code == .unusableTests && tests == nil {
            throw noDoctests
        }
    }

    private var noDoctests: SandboxError {
        SandboxError(
            code: .unusableTests,
            description: "\(file) holds no doctests; name the tests that it must pass with --tests FILE.")
    }

    private static func read(_ path: String, _ what: String) throws -> String {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw UsageError(description: "There is no file \(path) (\(what)).")
        }
        guard !isFolder.boolValue, let data = FileManager.default.contents(atPath: path) else {
            throw UsageError(description: "\(path) (\(what)) can't be read as a file.")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw UsageError(description: "\(path) (\(what)) is not UTF-8 text.")
        }
        return text
    }
}

/// A sentence about what the user gave; exit code 1.
struct UsageError: Error, CustomStringConvertible {
    var description: String
}

/// How programs are run.
struct SandboxOptions: ParsableArguments {
    @Option(help: "The Python interpreter that runs the programs.") var python = "python3"
    @Flag(help: "Run programs without a jail, where this machine has none. They can then do all that you can.")
    var unsafeNoSandbox = false

    var configuration: SandboxConfiguration {
        SandboxConfiguration(interpreter: python, unsafeNoSandbox: unsafeNoSandbox)
    }
}

/// Runs `body` with a sandbox that is shut down whatever happens.
func withSandbox<Result: Sendable>(
    _ configuration: SandboxConfiguration = .default, _ body: (PythonSandbox) async throws -> Result
) async throws -> Result {
    let sandbox = try await PythonSandbox(configuration)
    do {
        let result = try await body(sandbox)
        await sandbox.shutdown()
        return result
    } catch {
        await sandbox.shutdown()
        throw error
    }
}

extension SandboxReport {
    /// `2 of 3 tests pass`, coloured.
    var headline: String {
        if let programError {
            let place = programError.line.map { " in line \($0)" } ?? ""
            return Terminal.paint("\(programError.type)\(place): \(programError.message)", .red)
        }
        let passing = tests.count { $0.status == .passed }
        return Terminal.paint("\(passing) of \(tests.count) tests pass", passed ? .green : .red)
    }
}
