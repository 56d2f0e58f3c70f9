public import StatefulTools

/// What one episode shows besides whether it was solved.
public struct EpisodeFacts: Hashable, Sendable {
    /// The turn (from 1) after which the state stayed solved to the end; 0 when it was given so, nil when not solved.
    public var solvedAt: Int?
    /// Turns whose completion could not be read as a command.
    public var malformed = 0
    /// Turns with a command that this state could not take, or that changed nothing.
    public var failed = 0
    /// Turns that came back to an earlier state, or repeated a command on the same state.
    public var loops = 0
    /// EXIT while the state did not pass.
    public var exitedEarly: Bool

    public init(_ trace: Trace) {
        if trace.solved {
            if let unsolved = trace.turns.lastIndex(where: { !$0.verdict.solved }) {
                solvedAt = unsolved + 2
            } else {
                solvedAt = trace.initialVerdict?.solved == true ? 0 : 1
            }
        }
        exitedEarly = trace.exit == .exit && !trace.passed
        guard trace.hasCommands else { return }
        var seen: Set<String> = [trace.initialState]
        var said: Set<[String]> = []
        for (state, turn) in zip(trace.statesBefore, trace.turns) {
            if turn.command == nil { malformed += 1 } else if turn.error != nil { failed += 1 }
            let isRepeated = !said.insert([state, turn.completion.text]).inserted
            let isBack = turn.state.map { $0 != state && !seen.insert($0).inserted } ?? false
            if isRepeated || isBack { loops += 1 }
        }
    }
}

extension Trace {
    /// Whether its turns are commands, not whole answers.
    public var hasCommands: Bool { EvaluationMethod(rawValue: method)?.givesWholeAnswers != true }
}
