import ArgumentParser
import Episodes
import Evaluation
import Foundation
import PythonSandbox
import RepairTasks

struct EvalVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Judges a run's stored traces again, without a model.",
        discussion: """
            Example: coe eval verify runs/first
            Replays every command and every answer, runs all tests again and compares. Exit code 1 when something differs. \
            Programs near a time limit may end otherwise on a busy machine.
            """)

    @Argument(help: ArgumentHelp("The run folder.", valueName: "run"), completion: .directory) var folder: String
    @Option(help: "The tasks, for a run folder that has no tasks.jsonl.") var set: String?
    @OptionGroup var sandbox: SandboxOptions
    @Flag(help: "Print the findings as one JSON object on standard output.") var json = false

    private struct Result: Codable {
        var episodes: Int
        var turns: Int
        var findings: [Verification.Finding]
    }

    func run() async throws {
        let stored = try EvaluationRun(folder: URL(filePath: folder))
        let tasks = try set.map { try TaskSet.load($0) } ?? stored.tasks
        let byID = Dictionary(tasks.map { ($0.id, $0) }) { first, _ in first }
        if tasks.contains(where: { $0.tests == .statements([]) }) {
            throw UsageError(description: "\(folder) has no tasks.jsonl; name the set of the run with --set.")
        }
        if let stranger = stored.traces.first(where: { byID[$0.task] == nil }) {
            throw UsageError(description: "The tasks hold none named \(stranger.task), which the run played.")
        }
        var result = Result(
            episodes: stored.traces.count, turns: stored.traces.reduce(0) { $0 + $1.turns.count }, findings: [])
        let progress = ProgressLine("episodes")
        try await withSandbox(sandbox.configuration) { sandbox in
            let verification = Verification(sandbox: sandbox)
            try await inOrder(stored.traces, progress) { trace in
                guard let task = byID[trace.task] else { return [] as [Verification.Finding] }
                return try await verification.findings(in: trace, of: task)
            } each: { _, findings in
                result.findings += try findings.get()
            }
        }
        for finding in result.findings {
            let turn = finding.turn.map { ", turn \($0)" } ?? ""
            Terminal.say("\(finding.task) #\(finding.sample)\(turn): \(finding.problem)")
        }
        Terminal.say(
            "\(result.episodes) episodes with \(result.turns) turns judged again, \(result.findings.count) differences."
        )
        if json { try Terminal.printJSON(result) }
        if !result.findings.isEmpty { throw ExitCode(1) }
    }
}
