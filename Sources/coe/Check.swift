import ArgumentParser
import PythonRepair
import PythonSandbox
import ServeCommands
import StatefulTools

struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tests a program in the sandbox; exit code 0 only when every test passes.",
        discussion: "Example: coe check median.py --tests test_median.py")

    @OptionGroup var input: UserFile
    @Flag(help: .json) var json = false

    func run() async throws {
        let start = try input.start()
        let report = try await withSandbox(input.sandbox) { try await input.report(start, $0) }
        Terminal.say(Verdict(report).headline)
        if !report.passed, report.programError == nil { Terminal.say(report.feedback) }
        if json { try Terminal.printJSON(report) }
        if !report.passed { throw ExitCode(1) }
    }
}
