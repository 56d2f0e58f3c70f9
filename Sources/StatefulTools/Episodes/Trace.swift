public import FoundationEssentials

/// The record of one episode: a line of `traces.jsonl`. Training, evaluation and reports read nothing else.
public struct Trace: Hashable, Sendable, Codable {
    /// The version of the format; files of another version are refused.
    public var version = Self.currentVersion
    public static let currentVersion = 2

    /// The task's id.
    public var task: String
    /// The name of the tool.
    public var tool: String
    /// Which of the task's samples this is, from 0.
    public var sample: Int
    public var seed: UInt64
    /// `coe`, `direct`, …
    public var method: String
    public var policy: String
    public var initialState: String
    /// What the tool says about the initial state; nil where it could not be judged.
    public var initialVerdict: Verdict?
    /// How far the initial state is from the known solution, and from the final state; nil where the rewards don't ask.
    public var initialDistance, movedDistance: Int?
    public var turns: [Turn]
    public var exit: EpisodeExit
    /// What ended the episode from outside, as a sentence.
    public var error: String?
    public var rules: RewardRules
    public var seconds: Double
    /// What the search cost whose best way the turns are; nil for an episode.
    public var search: SearchFigures?

    public init(
        start: any Tool, sample: Int, seed: UInt64, method: String, policy: String, initialVerdict: Verdict?,
        turns: [Turn], exit: EpisodeExit
    ) {
        task = start.id
        tool = type(of: start).name
        self.sample = sample
        self.seed = seed
        self.method = method
        self.policy = policy
        initialState = start.state
        self.initialVerdict = initialVerdict
        self.turns = turns
        self.exit = exit
        rules = RewardRules()
        seconds = 0
    }

    /// The record of an episode that is over, or of its turns so far.
    public init(_ episode: Episode, sample: Int = 0, seed: UInt64 = 0, policy: String = "") {
        self.init(
            start: episode.start, sample: sample, seed: seed, method: "coe", policy: policy,
            initialVerdict: episode.initialVerdict, turns: episode.turns, exit: episode.exit ?? .turnLimit)
        rules = episode.options.rewards
        if rules.needsDistances {
            initialDistance = episode.start.distanceToSolution
            movedDistance = type(of: episode.start).difference(initialState, finalState)?.distance
        }
    }

    /// What the tool says about the final state.
    public var finalVerdict: Verdict? { turns.last?.verdict ?? initialVerdict }
    public var finalState: String { turns.lazy.compactMap(\.state).last ?? initialState }
    /// Whether the final state passes everything.
    public var solved: Bool { finalVerdict?.solved ?? false }
    /// Whether the final state passes what the model is shown.
    public var passed: Bool { finalVerdict?.passed ?? false }
    /// The state before each turn.
    public var statesBefore: [String] {
        var state = initialState
        return turns.map { turn in
            defer { state = turn.state ?? state }
            return state
        }
    }
    /// Tokens written by the policy.
    public var tokens: Int { search?.tokens ?? turns.reduce(0) { $0 + $1.completion.tokenCount } }

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

    /// All numbers that are added up; sums of them must not overflow.
    private var counts: [Int] {
        [sample] + [initialDistance, movedDistance].compactMap { $0 }
            + turns.flatMap { turn in
                [turn.distance, turn.completion.resamples].compactMap { $0 }
                    + (turn.completion.usage.map { [$0.promptTokens, $0.completionTokens] } ?? [])
            }
    }

    /// Reads one line of a trace file.
    ///
    /// - Throws: ``ToolTaskError`` that says what is wrong with it, without the line's number.
    public static func read(_ line: Data) throws(ToolTaskError) -> Trace {
        struct Header: Decodable { var version: Int? }
        let decoder = JSONDecoder()
        do {
            let version = try decoder.decode(Header.self, from: line).version ?? 1
            guard version == currentVersion else {
                throw ToolTaskError(
                    .badLine,
                    "it is a trace of format \(version), and this coe reads format \(currentVersion): play the run again, or "
                        + "read it with the coe that wrote it")
            }
            let trace = try decoder.decode(Trace.self, from: line)
            guard trace.counts.allSatisfy((0...1 << 40).contains) else {
                throw ToolTaskError(.badLine, "it is no trace: it holds a count below 0 or beyond \(1 << 40)")
            }
            return trace
        } catch let error as ToolTaskError {
            throw error
        } catch {
            throw ToolTaskError(.badLine, "it is no trace: \(ToolTaskError.sentence(error))")
        }
    }
}
