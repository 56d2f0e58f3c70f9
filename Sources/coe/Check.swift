import ArgumentParser
import Foundation
import PythonRepair
import PythonSandbox
import ServeCommands
import StatefulTools
import UserRepair
import UserRunner

struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs your tests in a jail; exit code 0 when all pass, 1 when some fail, 2 when they can't be used.",
        discussion: """
            The judge is your own pytest, unittest or doctest, in your own environment, on the project of FILE.
            Examples:
              coe check median.py --tests test_median.py
              coe check src/shop/cart.py --tests tests/test_cart.py::test_total
              coe check median.py --test-command "make test"
            """)

    @OptionGroup var options: TestOptions
    @Flag(help: .json) var json = false

    private struct Result: Encodable {
        var file: String
        var judge: String
        var passed: Bool
        var kind: TestKind?
        var python: String?
        var pytest: String?
        /// What the judge says; nil where the tests can't be used.
        var report: RunnerReport?
        var strictReport: SandboxReport?
        /// Why the tests can't be used, and the exit code then.
        var error: String?
        var exitCode: Int?
    }

    func run() async throws {
        Interrupt.stopAtOnce()
        var result = Result(file: options.file, judge: options.judge.rawValue, passed: false)
        do {
            try await withUsableTests {
                do {
                    try await options.judge == .user ? checkAsUser(&result) : checkStrictly(&result)
                } catch {
                    (result.error, result.exitCode) = ("\(error)", 2)
                    throw error
                }
            }
        } catch let code as ExitCode {
            if json { try Terminal.printJSON(result) }
            throw code
        }
        if json { try Terminal.printJSON(result) }
        if !result.passed { throw ExitCode(1) }
    }

    private func checkAsUser(_ result: inout Result) async throws {
        let program = try UserProgram(reading: options.file)
        let runner = try await UserRunner(options.runnerConfiguration(program))
        let report: RunnerReport
        do {
            report = try await runner.judge(program.data)
        } catch {
            await runner.shutdown()
            throw error
        }
        await runner.shutdown()
        result.kind = runner.kind
        result.python = runner.python
        result.pytest = runner.pytest
        result.report = report
        result.passed = report.passed
        if report.outcome == .unusable {
            throw RunnerError(
                .unusableTests, report.unusableSentence(of: options.file, hasTests: !options.tests.isEmpty))
        }
        let name = runner.kind == .pytest ? "pytest \(runner.pytest ?? "")" : runner.kind.rawValue
        let seconds = String(format: "%.2f", report.seconds ?? 0)
        Terminal.say(
            Terminal.paint(report.headline, report.passed ? .green : .red)
                + " (\(name), Python \(runner.python), \(seconds) s)")
        for block in report.failures(of: options.file) { Terminal.say(block) }
    }

    private func checkStrictly(_ result: inout Result) async throws {
        let start = try StrictFile(options).start()
        let report = try await withSandbox(options.sandbox) { try await StrictFile(options).report(start, $0) }
        result.strictReport = report
        result.passed = report.passed
        Terminal.say(Verdict(report).headline)
        if !report.passed, report.programError == nil { Terminal.say(report.feedback) }
    }
}
