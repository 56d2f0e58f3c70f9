import StatefulTools

/// The episodes of one start state.
struct RolloutGroup: Sendable {
    var start: any Tool
    var rollouts: [LockstepPlayer.Rollout]
    var rewarded: [RewardedEpisode]

    /// - Parameter rollouts: the episodes that teach something.
    init(start: any Tool, rollouts: [LockstepPlayer.Rollout]) {
        self.start = start
        self.rollouts = rollouts
        rewarded = rollouts.map { RewardedEpisode($0.trace) }
    }

    var hasVariance: Bool { Set(rewarded.map(\.total)).count > 1 }
    var solvedCount: Int { rollouts.count { $0.trace.solved } }
}

/// The groups of one step.
struct RolloutGroups: Sendable {
    var all: [RolloutGroup] = []
    /// The groups that the policy learns from.
    var kept: [RolloutGroup] = []
    /// The groups in which nothing was solved.
    var failed: [RolloutGroup] { all.filter { $0.solvedCount == 0 } }

    /// What the episodes of a step were like.
    ///
    /// - Parameter turns: the most turns of an episode.
    func metrics(turns limit: Int) -> [String: Double] {
        let rewarded = all.flatMap(\.rewarded)
        let traces = all.flatMap(\.rollouts).map(\.trace)
        let turns = traces.flatMap(\.turns)
        let solved = traces.filter(\.solved)
        func share<Element>(_ elements: [Element], _ condition: (Element) -> Bool) -> Double {
            Double(elements.count(where: condition)) / Double(max(1, elements.count))
        }
        func mean(_ values: [Double]) -> Double { Moments(values).mean }
        var metrics: [String: Double] = [:]
        metrics["reward"] = mean(rewarded.map(\.total))
        metrics["reward_std"] = mean(all.map { Moments($0.rewarded.map(\.total)).deviation })
        metrics["frac_reward_zero_std"] = share(all) { !$0.hasVariance }
        metrics["groups/all_failed"] = share(all) { $0.solvedCount == 0 }
        metrics["groups/all_solved"] = share(all) { $0.solvedCount == $0.rollouts.count }
        metrics["completions/mean_length"] = mean(turns.map { Double($0.completion.tokenIDs.count) })
        metrics["solved"] = share(traces, \.solved)
        metrics["malformed"] = share(turns) { $0.command == nil }
        metrics["inapplicable"] = share(turns) { $0.command != nil && $0.error != nil }
        metrics["resamples"] = mean(turns.map { Double($0.completion.resamples ?? 0) })
        metrics["exit"] = share(traces) { $0.exit == .exit }
        metrics["commands/unique"] = Double(Set(turns.compactMap(\.command)).count) / Double(max(1, turns.count))
        metrics["turns"] = mean(traces.map { Double($0.turns.count) })
        metrics["sandbox_seconds"] = turns.reduce(0) { $0 + $1.verdict.seconds }
        for (kind, name) in RewardRules.kinds.enumerated() {
            metrics["rewards/\(name)/mean"] = mean(rewarded.map { $0.sum(kind) })
        }
        if !solved.isEmpty {
            metrics["edits_per_solve"] = mean(solved.map { Double($0.turns.count { $0.error == nil && !$0.isExit }) })
        }
        // The share of the episodes that are solved after so many turns.
        for turn in 1...limit {
            metrics["solved/turn_\(turn)"] = share(traces) { $0.turns.prefix(turn).contains { $0.verdict.solved } }
        }
        return metrics
    }
}
