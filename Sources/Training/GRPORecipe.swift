public import StatefulTools

/// How episodes become an update: GRPO (Shao et al., arXiv 2402.03300) and the parts in which it can differ. Each part can
/// be switched alone.
public struct GRPORecipe: Hashable, Sendable, Codable {
    /// What is subtracted from what a turn earned.
    public enum Baseline: String, CaseIterable, Hashable, Sendable, Codable {
        /// The mean reward of the group's same turn; then the differences of later turns are added.
        case turn
        /// The mean return of the group's turns that began in the same state, else of its same turn (GiGPO, 2505.10978).
        case state
        /// The mean return of the group's episodes.
        case group
    }

    /// What the difference is divided by.
    public enum Deviation: String, CaseIterable, Hashable, Sendable, Codable {
        /// The standard deviation over the values of the baseline's mean.
        case group
        /// One standard deviation over the step (Lite PPO, 2508.08221).
        case batch
        /// Nothing (Dr. GRPO, 2503.20783).
        case none
    }

    /// How the losses of tokens are weighed.
    public enum Weighting: String, CaseIterable, Hashable, Sendable, Codable {
        /// The mean over each episode's tokens, then over episodes: tokens of short episodes count more.
        case episode
        /// The sum over all tokens divided by a constant (DAPO, 2503.14476; Dr. GRPO).
        case token
    }

    /// Episodes from one start state.
    public var groupSize: Int
    public var baseline: Baseline
    public var deviation: Deviation
    public var weighting: Weighting
    /// The probability ratio counts from `1 - clipLow` to `1 + clipHigh`; see ``ClippedSurrogate``.
    public var clipLow, clipHigh: Double
    /// The weight of the divergence from the policy that training began with; 0 for none.
    public var beta: Double
    /// Drops groups whose episodes all earned the same and plays others in their place, up to this many times the groups of
    /// a step; 1 keeps all groups.
    public var dynamicSampling: Int
    /// Whether start states are chosen near a pass rate of one half, as far as rates are known; else each in turn.
    public var choosesByPassRate: Bool
    /// The weight of imitating the shortest solution in groups that all fail (DGPO, 2508.20324); 0 for none.
    public var imitation: Double
    /// Whether rewards of different kinds are compared and scaled apart, then added with the weights that they have in
    /// ``rewards`` (GDPO, 2601.05242).
    public var separatesRewards: Bool
    /// Steps of the optimiser on one set of episodes.
    public var updates: Int
    /// Whether an episode ends when its state passes; else it needs EXIT.
    public var endsAtFirstPass: Bool
    public var rewards: RewardRules

    /// The recipe of arXiv 2507.05065.
    public static let paper = GRPORecipe(
        groupSize: 4, baseline: .turn, deviation: .group, weighting: .episode, clipLow: 0.2, clipHigh: 0.2, beta: 0.01,
        dynamicSampling: 1, choosesByPassRate: false, imitation: 0, separatesRewards: false, updates: 1,
        endsAtFirstPass: false, rewards: RewardRules())

    /// Should do better with small models. Episodes end when the state passes, as in use; a model that is not asked for EXIT
    /// loses nothing without it, since that loss would teach it to give up.
    public static let best = GRPORecipe(
        groupSize: 8, baseline: .state, deviation: .batch, weighting: .token, clipLow: 0.2, clipHigh: 0.28, beta: 0,
        dynamicSampling: 2, choosesByPassRate: true, imitation: 0.1, separatesRewards: true, updates: 1,
        endsAtFirstPass: true,
        rewards: RewardRules(inapplicable: -0.5, noExit: 0, editPenalty: 0.2, progress: 0.5))
}
