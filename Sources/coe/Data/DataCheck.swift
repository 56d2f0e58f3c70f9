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

    @Argument(help: "A task set: starter, a fetched data set, a tool's name, or a file.") var set: String
    @Flag(help: .json) var json = false

    private struct Finding: Codable, Sendable {
        var task: String
        var problem: String
    }

    private struct Findings: Codable {
        var tasks = 0
        var findings: [Finding] = []
    }

    func run() async throws {
        let tasks = try Toolbox.standard.load(set, split: .all)
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

    private func problem(of start: any Tool, _ sandbox: PythonSandbox) async throws -> String? {
        do {
            if let commands = start.oracle {
                let player = EpisodePlayer(
                    policy: ScriptedPolicy(completions: commands), sandbox: sandbox,
                    options: EpisodeOptions(turns: commands.count + 1, endsAtFirstPass: false, isConstrained: false))
                let trace = try await player.play(start, sampling: .commands())
                let verdict = trace.finalVerdict
                if !trace.passed { return "the known solution fails: \(verdict?.failure ?? "")" }
                if !trace.solved { return "the known solution fails the hidden tests" }
                if start.solution == start.state { return nil }
                return trace.initialVerdict?.solved == true ? "the start state passes" : nil
            }
            return try await start.judge(in: sandbox).solved ? "the start state passes" : nil
        } catch let error as SandboxError where error.code == .unusableTests {
            return "the tests can't be used: \(error.description)"
        }
    }
}
