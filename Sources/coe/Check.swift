import ArgumentParser
import Episodes
import PythonSandbox

struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tests a program in the sandbox; exit code 0 only when every test passes.",
        discussion: "Example: coe check median.py --tests test_median.py")

    @OptionGroup var input: UserFile
    @Flag(help: "Print the report as JSON on standard output.") var json = false

    func run() async throws {
        let task = try input.task()
        let report = try await withSandbox { try await input.report(task, $0) }
        Terminal.say(report.headline)
        if !report.passed, report.programError == nil { Terminal.say(Prompt.feedback(report)) }
        if json { try Terminal.printJSON(report) }
        if !report.passed { throw ExitCode(1) }
    }
}
