import ArgumentParser
import Foundation
import PythonSandbox
import ServeCommands
import StatefulTools
import Tools

struct DataCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Runs every task of a set: start states must fail, known solutions must solve.",
        discussion: """
            Example: coe data check tasks.jsonl.gz
            A start state that is its own solution is there to be corrupted: it must pass. Exit code 1 when some task is not \
            as it should be.
            """)

    @Argument(help: "A task set: starter, a fetched data set, a tool's name, or a file.", completion: .file()) var set:
        String
    @Flag(help: .json) var json = false

    private struct Finding: Codable, Sendable {
        var task: String
        var problem: String
    }

    private struct Findings: Codable {
        var tasks = 0
        var findings: [Finding] = []
        /// Tests that the strict judge refuses, by reason.
        var refusedTests: [String: Int] = [:]
    }

    func run() async throws {
        let tasks = try Toolbox.standard.load(set, split: .all)
        if tasks.isEmpty { throw UsageError("\(set) holds no tasks.") }
        var result = Findings(tasks: tasks.count)
        let progress = ProgressLine("tasks")
        try await withSandbox { sandbox in
            try await inOrder(tasks, progress) {
                try await problem(of: $0, sandbox)
            } each: { task, problem in
                guard let problem = try problem.get() else { return }
                result.findings.append(Finding(task: task.id, problem: problem.text))
                result.refusedTests.merge(problem.refusals, uniquingKeysWith: +)
            }
        }
        for finding in result.findings {
            Terminal.show("\(finding.task): \(finding.problem)", json: json, isProse: true)
        }
        Terminal.say("\(tasks.count - result.findings.count) of \(tasks.count) tasks are as they should be.")
        if !result.refusedTests.isEmpty {
            Terminal.say("\(result.refusedTests.values.reduce(0, +)) tests are refused, which neither pass nor fail:")
            for (reason, count) in result.refusedTests.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
                Terminal.say("  \(count): \(reason)")
            }
        }
        if json { try Terminal.printJSON(result) }
        if !result.findings.isEmpty { throw ExitCode(1) }
    }

    private struct Problem: Sendable {
        var text: String
        var refusals: [String: Int] = [:]
    }

    private func problem(of start: any Tool, _ sandbox: PythonSandbox) async throws -> Problem? {
        do {
            return try await fault(of: start, sandbox)
        } catch let error as SandboxError where error.code == .unusableTests {
            return Problem(text: "the tests can't be used: \(error.description)", refusals: error.refusals)
        }
    }

    /// What is wrong with a task whose tests can be used.
    private func fault(of start: any Tool, _ sandbox: PythonSandbox) async throws -> Problem? {
        let passes = Problem(text: "the start state passes")
        if let commands = start.oracle {
            let player = EpisodePlayer(
                policy: ScriptedPolicy(completions: commands), sandbox: sandbox,
                options: EpisodeOptions(turns: commands.count + 1, endsAtFirstPass: false, isConstrained: false))
            let trace = try await player.play(start, sampling: .commands())
            let verdict = trace.finalVerdict
            if !trace.passed {
                let refused = verdict?.checks.filter { $0.outcome == "refused" } ?? []
                return Problem(
                    text: "the known solution fails: \(verdict?.failure ?? "")",
                    refusals: Dictionary(refused.map { ($0.note ?? "", 1) }, uniquingKeysWith: +))
            }
            if !trace.solved { return Problem(text: "the known solution fails the hidden tests") }
            if start.solution == start.state { return nil }
            return trace.initialVerdict?.solved == true ? passes : nil
        }
        return try await start.judge(in: sandbox).solved ? passes : nil
    }
}
