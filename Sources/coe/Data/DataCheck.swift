import ArgumentParser
import Demonstrations
import Foundation
import PythonSandbox
import RepairTasks

struct DataCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Runs every task of a set: faulty programs must fail, references must pass.",
        discussion: """
            Example: coe data check tasks.jsonl.gz
            A task whose program is its reference is a correct program to be corrupted: it must pass. Exit code 1 when \
            some task is not as it should be.
            """)

    @Argument(help: "A task set: starter, a fetched data set, or a file.") var set: String
    @Option(help: "Of MBPP, the tasks of this split; all when not given.") var split: MBPP.Split?
    @Flag(help: "Print the findings as one JSON object on standard output.") var json = false

    private struct Finding: Codable, Sendable {
        var task: String
        var problem: String
    }

    private struct Findings: Codable {
        var tasks = 0
        var findings: [Finding] = []
    }

    func run() async throws {
        let tasks = try TaskSet.load(set, split: split)
        var result = Findings(tasks: tasks.count)
        let progress = ProgressLine("tasks")
        try await withSandbox { sandbox in
            try await inOrder(tasks, progress) {
                try await problem(of: $0, sandbox)
            } each: { task, problem in
                if let problem = try problem.get() { result.findings.append(Finding(task: task.id, problem: problem)) }
            }
        }
        for finding in result.findings { Terminal.say("\(finding.task): \(finding.problem)") }
        Terminal.say("\(tasks.count - result.findings.count) of \(tasks.count) tasks are as they should be.")
        if json { try Terminal.printJSON(result) }
        if !result.findings.isEmpty { throw ExitCode(1) }
    }

    private func problem(of task: RepairTask, _ sandbox: PythonSandbox) async throws -> String? {
        do {
            if let reference = task.reference {
                let report = try await sandbox.run(task.job(program: reference))
                if !report.passed { return "the reference fails: \(report.failure ?? "")" }
                if !report.hiddenPassed { return "the reference fails the hidden tests" }
                if reference == task.program { return nil }
            }
            let report = try await sandbox.run(task.job(program: task.program))
            return report.passed && report.hiddenPassed ? "the faulty program passes" : nil
        } catch {
            if error.code == .unusableTests { return "the tests can't be used: \(error.description)" }
            throw error
        }
    }
}
