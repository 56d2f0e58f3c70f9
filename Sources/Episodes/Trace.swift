import LineEditor
public import PythonSandbox
import RepairTasks

/// The record of one episode: a line of `traces.jsonl`. Training, evaluation and reports read nothing else.
public struct Trace: Hashable, Sendable, Codable {
    /// The task's id.
    public var task: String
    /// Which of the task's samples this is, from 0.
    public var sample: Int
    public var seed: UInt64
    /// `coe`, `direct`, …
    public var method: String
    public var policy: String
    public var initialProgram: String
    public var initialReport: SandboxReport?
    public var turns: [Turn]
    public var finalProgram: String
    /// Whether the final program passes the visible tests, and the hidden ones where the task has them.
    public var solved: Bool
    /// Whether the final program passes the visible tests.
    public var visiblePassed: Bool
    /// Whether it passes the hidden tests; nil when there are none.
    public var hiddenSolved: Bool?
    public var exit: EpisodeExit
    /// What ended the episode from outside, as a sentence.
    public var error: String?
    /// Tokens written by the policy.
    public var tokens: Int
    public var seconds: Double

    public init(
        task: String, sample: Int, seed: UInt64, method: String, policy: String, initialProgram: String,
        initialReport: SandboxReport?, turns: [Turn], finalProgram: String, finalReport: SandboxReport?,
        exit: EpisodeExit, error: String? = nil, seconds: Double
    ) {
        self.task = task
        self.sample = sample
        self.seed = seed
        self.method = method
        self.policy = policy
        self.initialProgram = initialProgram
        self.initialReport = initialReport?.withoutOutput
        self.turns = turns.map {
            var turn = $0
            turn.report = turn.report.withoutOutput
            return turn
        }
        self.finalProgram = finalProgram
        visiblePassed = finalReport?.passed ?? false
        hiddenSolved = finalReport.flatMap { $0.hiddenTests.isEmpty ? nil : $0.hiddenPassed }
        solved = visiblePassed && (hiddenSolved ?? true)
        self.exit = exit
        self.error = error
        tokens = turns.reduce(0) { $0 + ($1.completion.usage?.completionTokens ?? $1.completion.tokenIDs.count) }
        self.seconds = seconds
    }

    /// What came of an episode.
    public init(_ episode: Episode, sample: Int, seed: UInt64, policy: String, error: String?, seconds: Double) {
        self.init(
            task: episode.task.id, sample: sample, seed: seed, method: "coe", policy: policy,
            initialProgram: episode.task.program, initialReport: episode.initialReport, turns: episode.turns,
            finalProgram: episode.program.text, finalReport: episode.report, exit: episode.exit ?? .turnLimit,
            error: error, seconds: seconds)
    }

    /// The sum of the turns' rewards.
    public var reward: Double { turns.reduce(0) { $0 + $1.reward } }

    /// The episode as the one token sequence that the model saw: ids, whether it wrote them (where a loss may stand),
    /// and their log-probabilities (0 where it did not), all of equal length.
    public var sequence: (tokenIDs: [Int], mask: [Bool], logProbabilities: [Float]) {
        var tokenIDs: [Int] = []
        var mask: [Bool] = []
        var logProbabilities: [Float] = []
        for completion in turns.map(\.completion) {
            tokenIDs += completion.promptTokenIDs + completion.tokenIDs
            mask += completion.promptTokenIDs.map { _ in false } + completion.tokenIDs.map { _ in true }
            logProbabilities += completion.promptTokenIDs.map { _ in 0 } + completion.logProbabilities
        }
        return (tokenIDs, mask, logProbabilities)
    }
}

extension SandboxReport {
    /// What programs print may be long, and nothing reads it later.
    fileprivate var withoutOutput: SandboxReport {
        var report = self
        report.output = ""
        return report
    }
}
