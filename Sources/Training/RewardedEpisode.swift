import StatefulTools

/// What the turns of an episode earned, by kind, and in which states they began.
struct RewardedEpisode: Hashable, Sendable {
    /// `[turn][kind]`, kinds as in ``StatefulTools/RewardRules/kinds``.
    var rewards: [[Double]]
    /// The state before each turn.
    var states: [String]

    init(rewards: [[Double]], states: [String]) {
        self.rewards = rewards
        self.states = states
    }

    /// What a trace earned by its own rules.
    init(_ trace: Trace) { self.init(rewards: trace.rules.earned(in: trace), states: trace.statesBefore) }

    var total: Double { rewards.joined().reduce(0, +) }
    /// Of one kind, over all turns.
    func sum(_ kind: Int) -> Double { rewards.reduce(0) { $0 + $1[kind] } }
}
