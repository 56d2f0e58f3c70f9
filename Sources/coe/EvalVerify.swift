import ArgumentParser
import Evaluation
import Foundation
import ServeCommands
import StatefulTools
import Tools

struct EvalVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Judges a run's stored traces again, without a model.",
        discussion: """
            Example: coe eval verify runs/first
            Carries out every command and answer again, judges all states and compares. Exit code 1 when something differs. \
            A program near a time limit may end otherwise on a busy machine.
            """)

    @Argument(help: ArgumentHelp("The run folder.", valueName: "run"), completion: .directory) var folder: String
    @OptionGroup var sandbox: SandboxOptions
    @Flag(help: .json) var json = false

    private struct Result: Codable {
        var episodes: Int
        var turns: Int
        var findings: [Verification.Finding]
    }

    func run() async throws {
        let stored = try EvaluationRun(folder: URL(filePath: folder), tools: .standard)
        let tasks = Dictionary(stored.tasks.map { ($0.id, $0) }) { first, _ in first }
        if let stranger = stored.traces.first(where: { tasks[$0.task] == nil }) {
            throw UsageError("\(folder)/tasks.jsonl holds no task \(stranger.task), but the run played it.")
        }
        var result = Result(
            episodes: stored.traces.count, turns: stored.traces.reduce(0) { $0 + $1.turns.count }, findings: [])
        let progress = ProgressLine("episodes")
        try await withSandbox(sandbox.configuration) { sandbox in
            let verification = Verification(sandbox: sandbox)
            try await inOrder(stored.traces, progress) { trace in
                guard let task = tasks[trace.task] else { return [] as [Verification.Finding] }
                return try await verification.findings(in: trace, of: task)
            } each: { _, findings in
                result.findings += try findings.get()
            }
        }
        for finding in result.findings {
            let turn = finding.turn.map { ", turn \($0)" } ?? ""
            Terminal.show("\(finding.task) #\(finding.sample)\(turn): \(finding.problem)", json: json)
        }
        Terminal.say(
            "\(result.episodes) episodes with \(result.turns) turns judged again, \(result.findings.count) differences."
        )
        if json { try Terminal.printJSON(result) }
        if !result.findings.isEmpty { throw ExitCode(1) }
    }
}
