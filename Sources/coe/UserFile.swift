import ArgumentParser
import Foundation
import PythonRepair
import PythonSandbox
import ServeCommands
import StatefulTools

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

    /// The start state that the files make.
    func start(prompt: String = "") throws -> PythonRepair {
        let program = try Self.read(file, "the program")
        if program.allSatisfy(\.isWhitespace) {
            throw UsageError("\(file) is empty: there is nothing to test.")
        }
        let suite: TestSuite
        if let tests {
            suite = .file(source: try Self.read(tests, "the tests"), name: URL(filePath: tests).lastPathComponent)
        } else {
            suite = .doctests(source: program)
        }
        return try PythonRepair(
            RepairTask(
                id: file, prompt: prompt, program: program,
                moduleName: URL(filePath: file).deletingPathExtension().lastPathComponent, tests: suite))
    }

    /// The report on the program as it is. Says how to give tests where the program holds none.
    func report(_ start: PythonRepair, _ sandbox: PythonSandbox) async throws -> SandboxReport {
        do {
            let report = try await start.report(in: sandbox)
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
            throw UsageError("There is no file \(path) (\(what)).")
        }
        guard !isFolder.boolValue, let data = FileManager.default.contents(atPath: path) else {
            throw UsageError("\(path) (\(what)) can't be read as a file.")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw UsageError("\(path) (\(what)) is not UTF-8 text.")
        }
        return text
    }
}

extension Verdict {
    /// `2 of 3 tests pass`, or why none ran; coloured.
    var headline: String {
        let passing = checks.count { $0.passed }
        let hasRun = checks.contains { $0.outcome != "notRun" }
        let text = hasRun ? "\(passing) of \(checks.count) tests pass" : feedback
        return Terminal.paint(text, passed ? .green : .red)
    }
}
