public import StatefulTools

/// Which episodes of a run are wanted; all given conditions must hold.
public struct EpisodeFilter: Hashable, Sendable {
    /// Words to find somewhere in the task, the states or what was written, in upper or lower case.
    public var words: [String]
    /// A part of the task's id.
    public var task: String?
    public var sample: Int?
    public var solved: Bool?
    public var exit: EpisodeExit?
    /// How the start state fails, such as `SyntaxError`.
    public var failure: String?
    /// The fewest turns.
    public var turns: Int?

    public init(
        search: String = "", task: String? = nil, sample: Int? = nil, solved: Bool? = nil, exit: EpisodeExit? = nil,
        failure: String? = nil, turns: Int? = nil
    ) {
        words = search.lowercased().split(whereSeparator: \.isWhitespace).map(String.init)
        self.task = task
        self.sample = sample
        self.solved = solved
        self.exit = exit
        self.failure = failure
        self.turns = turns
    }

    /// Whether an episode is wanted.
    ///
    /// - Parameter start: the task's start state, where it is known.
    public func matches(_ trace: Trace, of start: (any Tool)?) -> Bool {
        if let task, !trace.task.contains(task) { return false }
        if let sample, trace.sample != sample { return false }
        if let solved, trace.solved != solved { return false }
        if let exit, trace.exit != exit { return false }
        if let turns, trace.turns.count < turns { return false }
        if let failure, trace.initialVerdict?.failure?.lowercased() != failure.lowercased() { return false }
        if words.isEmpty { return true }
        var text = [trace.task, start?.task.prompt ?? "", trace.initialState, trace.finalState, trace.error ?? ""]
        text += trace.turns.flatMap { [$0.completion.text, $0.error ?? ""] }
        let all = text.joined(separator: "\n").lowercased()
        return words.allSatisfy { all.contains($0) }
    }
}
