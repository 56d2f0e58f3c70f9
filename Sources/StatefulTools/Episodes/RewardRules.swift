/// What the turns of an episode earn. ``earned(in:)`` is the one place where rewards are computed.
public struct RewardRules: Hashable, Sendable, Codable {
    /// The turn that solves the task for the first time. A start that is solved earns none.
    public var firstPass: Double
    /// A command that can't be read.
    public var malformed: Double
    /// A well-formed command that this state can't take, or that changes nothing. The paper names none (own).
    public var inapplicable: Double
    /// The last turn of an episode that ends without EXIT and without passing.
    public var noExit: Double
    /// What a solved episode loses for changes beyond the needed ones, at most (PRepair, arXiv 2604.05963).
    public var editPenalty: Double
    /// What a turn earns for bringing the state closer to the known solution, in proportion to the distance at the start;
    /// going away from it costs as much (potential-based shaping: Ng, Harada and Russell, 1999).
    public var progress: Double

    public init(
        firstPass: Double = 1, malformed: Double = -0.5, inapplicable: Double = 0, noExit: Double = -0.5,
        editPenalty: Double = 0, progress: Double = 0
    ) {
        self.firstPass = firstPass
        self.malformed = malformed
        self.inapplicable = inapplicable
        self.noExit = noExit
        self.editPenalty = editPenalty
        self.progress = progress
    }

    /// The kinds of rewards, in the order of ``earned(in:)``.
    public static let kinds = ["solved", "malformed", "exit", "edits", "progress"]

    /// The weight of each kind when kinds are scaled apart.
    public var weights: [Double] {
        [firstPass, max(-malformed, -inapplicable), -noExit, editPenalty, progress]
    }

    var needsDistances: Bool { editPenalty > 0 || progress > 0 }

    /// The rewards of a trace by these rules, `[turn][kind]`.
    public func earned(in trace: Trace) -> [[Double]] {
        var hasPassed = trace.initialVerdict?.solved ?? false
        let whole = trace.initialDistance.map { Double(max(1, $0)) }
        /// What is left of the way to the solution: 1 at the start, 2 at most.
        var left = 1.0
        return trace.turns.enumerated().map { index, turn in
            var earned = [0.0, 0, 0, 0, 0]
            // Hidden tests decide where there are any.
            if turn.verdict.solved, !hasPassed {
                hasPassed = true
                earned[0] = firstPass
                if editPenalty > 0 { earned[3] = -editPenalty * excess(in: trace) }
            }
            if turn.command == nil {
                // A whole answer has an effect, a completion without a command has none.
                if turn.effect == nil { earned[1] = malformed }
            } else if turn.error != nil {
                earned[1] = inapplicable
            } else if !turn.isExit {
                // A cosmetic change is the way around a grammar without commands that change nothing.
                if !hasPassed, turn.effect == .cosmetic { earned[1] = inapplicable }
                if progress > 0, let whole, let distance = turn.distance {
                    // Where the task is solved nothing is left, whatever the state looks like.
                    let now = hasPassed ? 0 : min(2, Double(distance) / whole)
                    earned[4] = progress * (left - now)
                    left = now
                }
            }
            if index == trace.turns.count - 1, ![.exit, .passed, .answered].contains(trace.exit) { earned[2] = noExit }
            return earned
        }
    }

    /// The characters changed beyond the needed ones, in proportion to those of the start, from 0 to 1.
    private func excess(in trace: Trace) -> Double {
        let beyond = (trace.movedDistance ?? 0) - (trace.initialDistance ?? 0)
        return min(1, Double(max(0, beyond)) / Double(max(20, trace.initialState.count)))
    }
}

extension Trace {
    /// What each turn earned, all kinds together.
    public var rewards: [Double] { rules.earned(in: self).map { $0.reduce(0, +) } }
    /// What the episode earned.
    public var reward: Double { rewards.reduce(0, +) }
}
