import Episodes
import LineEditor
import RepairTasks

/// What the turns of an episode earned, by kind, and in which states they began.
struct RewardedEpisode: Hashable, Sendable {
    /// The kinds of rewards, in the order of ``rewards``.
    static let kinds = ["solved", "malformed", "exit", "edits", "progress"]

    /// `[turn][kind]`
    var rewards: [[Double]]
    /// The program's digest before each turn.
    var states: [String]

    var total: Double { rewards.joined().reduce(0, +) }
    /// Of one kind, over all turns.
    func sum(_ kind: Int) -> Double { rewards.reduce(0) { $0 + $1[kind] } }

    init(rewards: [[Double]], states: [String]) {
        self.rewards = rewards
        self.states = states
    }

    /// - Parameter reference: A correct program, for the edits that were needed, and for how far it is still away.
    init(_ trace: Trace, reference: String?, recipe: GRPORecipe) {
        let rules = recipe.rewards
        var hasPassed = trace.initialReport?.isSolved ?? false
        var state = programDigest(trace.initialProgram)
        var program = ProgramText(trace.initialProgram)
        let way = reference.flatMap { recipe.progress > 0 ? Double(max(1, editDistance(program.text, $0))) : nil }
        /// What is left of the way to the reference: 1 at the beginning, and never more than twice that.
        var left = 1.0
        rewards = []
        states = []
        for (index, turn) in trace.turns.enumerated() {
            states.append(state)
            state = turn.programDigest
            var earned = [0.0, 0, 0, 0, 0]
            // Hidden tests decide where there are any.
            if turn.report.isSolved, !hasPassed {
                hasPassed = true
                earned[0] = rules.firstPass
                if recipe.editPenalty > 0 {
                    earned[3] = -recipe.editPenalty * excess(trace, reference: reference)
                }
            }
            if turn.command == nil {
                earned[1] = rules.malformed
            } else if turn.error != nil {
                earned[1] = rules.inapplicable
            } else if let command = turn.command, command != .exit {
                let before = program
                try? program.apply(command)
                // Blanks at a line's end are the way around a grammar without commands that change nothing.
                if !hasPassed, program.differsInBlanksAlone(from: before) { earned[1] = rules.inapplicable }
                if let way, let reference {
                    // Where the tests pass there is nothing left, whatever the program looks like.
                    let now = hasPassed ? 0 : min(2, Double(editDistance(program.text, reference)) / way)
                    earned[4] = recipe.progress * (left - now)
                    left = now
                }
            }
            if index == trace.turns.count - 1, trace.exit != .exit, trace.exit != .passed {
                earned[2] = rules.noExit
            }
            rewards.append(earned)
        }

        /// The characters changed beyond the needed ones, in proportion to those of the program, from 0 to 1.
        func excess(_ trace: Trace, reference: String?) -> Double {
            let changed = editDistance(trace.initialProgram, trace.finalProgram)
            let needed = reference.map { editDistance(trace.initialProgram, $0) } ?? 0
            return min(1, Double(max(0, changed - needed)) / Double(max(20, trace.initialProgram.count)))
        }
    }
}

/// What each turn of each episode is better than expected by, `[group][episode][turn]`.
///
/// - Parameter sums: adds numbers up over all processes of the run.
func advantages(
    _ groups: [[RewardedEpisode]], _ recipe: GRPORecipe, sums: ([Double]) throws -> [Double] = { $0 }
) throws -> [[[Double]]] {
    /// Of one number a turn.
    func of(_ value: (_ rewards: [Double]) -> Double) throws -> [[[Double]]] {
        var result = groups.map { group in
            let rewards = group.map { $0.rewards.map(value) }
            switch recipe.baseline {
            case .turn:
                return centred(rewards, recipe.deviation) { _, turn in [.turn(turn)] }.map(sumsFromBehind)
            case .state:
                return centred(rewards.map(sumsFromBehind), recipe.deviation) { episode, turn in
                    [.state(group[episode].states[turn]), .turn(turn), .all]
                }
            case .group:
                // What an episode earned in all is compared, and every turn of it is as good.
                let totals = centred(rewards.map { [$0.reduce(0, +)] }, recipe.deviation) { _, _ in [.all] }
                return zip(totals, rewards).map { total, turns in turns.map { _ in total[0] } }
            }
        }
        if recipe.deviation == .batch {
            let values = result.joined().joined()
            let all = try sums([Double(values.count), values.reduce(0, +), values.reduce(0) { $0 + $1 * $1 }])
            let mean = all[1] / max(1, all[0])
            let deviation = max(0, all[2] / max(1, all[0]) - mean * mean).squareRoot()
            result = result.map { $0.map { $0.map { $0 / (deviation + 1e-4) } } }
        }
        return result
    }
    if !recipe.separatesRewards { return try of { $0.reduce(0, +) } }
    // Scaled alike, all kinds would count the same, however rare; each counts by what the recipe gives for it.
    let rules = recipe.rewards
    let weights =
        recipe.deviation == .none
        ? [1, 1, 1, 1, 1]
        : [
            rules.firstPass, max(-rules.malformed, -rules.inapplicable), -rules.noExit, recipe.editPenalty,
            recipe.progress,
        ]
    let parts = try RewardedEpisode.kinds.indices.map { kind in try of { $0[kind] } }
    return groups.indices.map { group in
        groups[group].indices.map { episode in
            groups[group][episode].rewards.indices.map { turn in
                zip(parts, weights).reduce(0) { $0 + $1.0[group][episode][turn] * $1.1 }
            }
        }
    }
}

/// What turns are compared with each other.
private enum Peers: Hashable {
    case state(String)
    case turn(Int)
    case all
}

/// Values less the mean of the first of their peers that are in more than one episode, divided by its deviation where
/// that is wanted.
private func centred(
    _ values: [[Double]], _ deviation: GRPORecipe.Deviation, peers: (_ episode: Int, _ turn: Int) -> [Peers]
) -> [[Double]] {
    var sets: [Peers: (values: [Double], episodes: Set<Int>)] = [:]
    for (episode, turns) in values.enumerated() {
        for (turn, value) in turns.enumerated() {
            for key in peers(episode, turn) {
                sets[key, default: ([], [])].values.append(value)
                sets[key, default: ([], [])].episodes.insert(episode)
            }
        }
    }
    let moments = sets.filter { $0.value.episodes.count > 1 }.mapValues { Moments($0.values) }
    return values.enumerated().map { episode, turns in
        turns.enumerated().map { turn, value in
            // Alone, a turn can't be compared.
            guard let peers = peers(episode, turn).lazy.compactMap({ moments[$0] }).first else { return 0 }
            let difference = value - peers.mean
            return deviation == .group ? difference / (peers.deviation + 1e-4) : difference
        }
    }
}

/// `[r₀ + r₁ + …, r₁ + …, …]`
private func sumsFromBehind(_ values: [Double]) -> [Double] {
    var sum = 0.0
    return values.reversed().map {
        sum += $0
        return sum
    }.reversed()
}

/// Mean and standard deviation (of a population).
struct Moments: Hashable, Sendable {
    var mean = 0.0
    var deviation = 0.0

    init(_ values: some Sequence<Double>) {
        let values = Array(values)
        guard !values.isEmpty else { return }
        mean = values.reduce(0, +) / Double(values.count)
        let mean = mean
        deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
    }
}

extension ProgramText {
    /// Whether every line is the same up to blanks at its end.
    fileprivate func differsInBlanksAlone(from other: ProgramText) -> Bool {
        func bare(_ line: String) -> Substring.UTF8View {
            let end = line.utf8.lastIndex { $0 != 0x20 && $0 != 0x09 }
            return line[..<(end.map { line.utf8.index(after: $0) } ?? line.startIndex)].utf8
        }
        return lines.count == other.lines.count
            && zip(lines, other.lines).allSatisfy { bare($0).elementsEqual(bare($1)) }
    }
}
