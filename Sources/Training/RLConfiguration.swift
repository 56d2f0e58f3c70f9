public import Episodes
public import LanguageModels

/// How episodes become an update: GRPO (Shao et al., arXiv 2402.03300) and the parts by which it can differ. Each can be
/// switched alone.
public struct GRPORecipe: Hashable, Sendable, Codable {
    /// What is subtracted from what a turn earned.
    public enum Baseline: String, CaseIterable, Hashable, Sendable, Codable {
        /// The mean reward of the group's same turn; later turns' rewards are then added (arXiv 2507.05065; that they are
        /// added is DeepSeekMath's process supervision, the paper does not say).
        case turn
        /// The mean return of the group's turns that began with the same program, else of its same turn (GiGPO, 2505.10978).
        case state
        /// The mean return of the group's episodes.
        case group
    }

    /// What the difference is divided by.
    public enum Deviation: String, CaseIterable, Hashable, Sendable, Codable {
        /// The standard deviation of what the baseline is the mean of.
        case group
        /// One standard deviation over the step (Lite PPO, 2508.08221).
        case batch
        /// Nothing (Dr. GRPO, 2503.20783).
        case none
    }

    /// How the losses of tokens are weighed.
    public enum Loss: String, CaseIterable, Hashable, Sendable, Codable {
        /// The mean over each episode's tokens, then over episodes: tokens of short episodes count more.
        case episode
        /// The sum over all tokens divided by a constant (DAPO, 2503.14476; Dr. GRPO).
        case token
    }

    public var groupSize: Int
    public var baseline: Baseline
    public var deviation: Deviation
    public var loss: Loss
    /// The probability ratio counts from `1 - clipLow` to `1 + clipHigh`.
    public var clipLow, clipHigh: Double
    /// The weight of the divergence from the policy that training began with; 0 for none.
    public var beta: Double
    /// Groups in which all episodes earned the same are dropped and others played in their place, for up to this many
    /// times the groups of a step; 1 for none.
    public var dynamicSampling: Int
    /// Start states are drawn near a pass rate of one half, as far as they are known; else each in turn.
    public var choosesByPassRate: Bool
    /// The weight of imitating the shortest repair in groups that all fail (DGPO, 2508.20324); 0 for none.
    public var imitation: Double
    /// What a solved episode loses for edits beyond the needed ones, at most (PRepair, 2604.05963).
    public var editPenalty: Double
    /// What a turn earns for bringing the program closer to the reference, in proportion to the way from the start, in
    /// characters; as much is lost for going away from it, so that going back and forth earns nothing (potential-based
    /// shaping: Ng, Harada and Russell, 1999). 0 for none, and nothing where a task has no reference.
    public var progress: Double
    /// Rewards of different kinds are compared and scaled apart, and added with the weights that they have in the recipe
    /// (GDPO, 2601.05242).
    public var separatesRewards: Bool
    /// Steps of the optimiser on one set of episodes.
    public var updates: Int
    /// Ends an episode when its tests pass; else it needs EXIT.
    public var endsAtFirstPass: Bool
    public var rewards: Rewards

    /// The recipe of arXiv 2507.05065.
    public static let paper = GRPORecipe(
        groupSize: 4, baseline: .turn, deviation: .group, loss: .episode, clipLow: 0.2, clipHigh: 0.2, beta: 0.01,
        dynamicSampling: 1, choosesByPassRate: false, imitation: 0, editPenalty: 0, progress: 0,
        separatesRewards: false,
        updates: 1, endsAtFirstPass: false, rewards: Rewards())

    /// What should do better with small models. Episodes end when the tests pass, as in use; a model that is not asked
    /// for EXIT is not punished for its lack, which would teach it to give up.
    public static let best = GRPORecipe(
        groupSize: 8, baseline: .state, deviation: .batch, loss: .token, clipLow: 0.2, clipHigh: 0.28, beta: 0,
        dynamicSampling: 2, choosesByPassRate: true, imitation: 0.1, editPenalty: 0.2, progress: 0.5,
        separatesRewards: true,
        updates: 1, endsAtFirstPass: true, rewards: Rewards(inapplicable: -0.5, noExit: 0))
}

/// Everything that decides a run of reinforcement learning, as `run.json` in its folder holds it.
public struct RLConfiguration: Hashable, Sendable, Codable {
    /// As the user named it.
    public var model: String
    /// The adapter to begin with, usually one from SFT.
    public var adapter: String
    /// Files of tasks to learn on.
    public var data: [String]
    /// Tasks that are measured on and not learned.
    public var validation: String?
    public var recipe: GRPORecipe
    public var optimizer = AdamW.Options(learningRate: 2e-5, clipNorm: 1)
    /// Steps in which the learning rate rises; it stays then.
    public var warmupSteps = 2
    public var steps = 100
    /// Start states a step, in each process.
    public var groups = 4
    /// Processes that train together; set by ``GRPO``.
    public internal(set) var processes = 1
    public var maxTurns = 10
    /// The most tokens of one command.
    public var maxTokens = 64
    public var temperature = 1.0
    /// Whether rollouts are held to commands that the program can take, and trained under the same mask.
    public var isConstrained = false
    /// Where they are: how often a command that was tried before or changes nothing is drawn anew, as in use; else only
    /// what would end it is masked. What is learned from are the answers that stand. That others were thrown away makes
    /// them likelier by a factor which depends on the state alone, so that a baseline takes it out in the mean.
    ///
    /// Above 0 only at a temperature of ``Generator/redrawTemperature`` or more: all draws must be of one distribution.
    public var redraws = EpisodeOptions.standardRedraws
    /// What the policy that learns computes in.
    public var precision = Precision.float32
    /// What the rollouts are played in. Where it is another one, each token's gradient is weighed by how much likelier the
    /// learning policy finds it than the playing one, at most twice (truncated importance sampling).
    public var rolloutPrecision = Precision.float32
    /// Longer programs, in characters, are left out.
    public var maxCharacters = 2_000
    /// Tokens that go through the model at once, on all cores.
    public var tokensPerPass = 2_048
    /// The layers whose activations are held at once; nil for all.
    public var layersPerCheckpoint: Int?
    public var seed: UInt64 = 0
    /// Steps between two validations, each of which ends in a checkpoint.
    public var validateEvery = 10
    public var validationCount = 64

    public init(model: String, adapter: String, data: [String], recipe: GRPORecipe) {
        self.model = model
        self.adapter = adapter
        self.data = data
        self.recipe = recipe
    }
}
