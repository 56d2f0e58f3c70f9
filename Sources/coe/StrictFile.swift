import Foundation
import PythonRepair
import PythonSandbox
import ServeCommands
import StatefulTools
import UserRepair
import UserRunner

/// FILE and its tests as a task of the strict judge.
struct StrictFile {
    let options: TestOptions

    init(_ options: TestOptions) { self.options = options }

    /// The start state that the files make.
    func start(prompt: String = "") throws -> PythonRepair {
        let program = try UserProgram(reading: options.file)
        let suite: TestSuite
        if let tests = options.tests.first {
            let source = try UserProgram(reading: tests)
            suite = .file(source: source.text, name: URL(filePath: tests).lastPathComponent)
        } else {
            suite = .doctests(source: program.text)
        }
        var start = try PythonRepair(
            RepairTask(
                id: options.file, prompt: prompt, program: program.text,
                moduleName: URL(filePath: options.file).deletingPathExtension().lastPathComponent, tests: suite))
        start.limits = options.sandboxLimits
        return start
    }

    /// The report on the program as it is. Says how to give tests where the program holds none.
    func report(_ start: PythonRepair, _ sandbox: PythonSandbox) async throws -> SandboxReport {
        do {
            let report = try await start.report(in: sandbox)
            if report.programError == nil, report.tests.isEmpty, options.tests.isEmpty { throw noDoctests }
            if report.programError == nil, let refusal = report.refusal { throw refusal }
            return report
        } catch let error as SandboxError where error.code == .unusableTests && options.tests.isEmpty {
            throw noDoctests
        }
    }

    private var noDoctests: SandboxError {
        SandboxError(
            code: .unusableTests,
            description: "\(options.file) holds no doctests; name the tests that it must pass with --tests FILE.")
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
