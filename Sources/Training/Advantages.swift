import StatefulTools

/// Advantages, `[group][episode][turn]`: how much more than expected each turn earned.
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
                return centred(rewards, recipe.deviation) { _, turn in [.turn(turn)] }.map(returns)
            case .state:
                return centred(rewards.map(returns), recipe.deviation) { episode, turn in
                    [.state(group[episode].states[turn]), .turn(turn), .all]
                }
            case .group:
                // The totals of episodes are compared, and every turn of an episode gets the same advantage.
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
    // Scaled alike, all kinds would count the same, however rare; each counts by its weight in the recipe.
    let weights = recipe.deviation == .none ? RewardRules.kinds.map { _ in 1 } : recipe.rewards.weights
    let parts = try RewardRules.kinds.indices.map { kind in try of { $0[kind] } }
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
/// that is asked for.
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

/// What each turn and all later ones earned: `[r₀ + r₁ + …, r₁ + …, …]`.
private func returns(_ rewards: [Double]) -> [Double] {
    var sum = 0.0
    return rewards.reversed().map {
        sum += $0
        return sum
    }.reversed()
}
