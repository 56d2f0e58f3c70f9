public import LanguageModels
import StatefulTools

/// Everything that decides a run of reinforcement learning, as `run.json` in its folder holds it.
public struct RLConfiguration: Hashable, Sendable, Codable {
    /// As the user named it.
    public var model: String
    /// The adapter to begin with, usually one from SFT.
    public var adapter: String
    /// Task sets to learn on, by name or path.
    public var data: [String]
    /// A task set to measure on; it is not learned.
    public var validation: String?
    public var recipe: GRPORecipe
    public var optimizer = AdamW.Options(learningRate: 2e-5, clipNorm: 1)
    public var steps = 100
    /// Start states a step, in each process.
    public var starts = 4
    /// Processes that train together; set by ``GRPO``.
    public internal(set) var processes = 1
    /// The most turns of an episode.
    public var turns = 10
    /// The most tokens of one command.
    public var maxTokens = 64
    public var temperature = 1.0
    /// Whether rollouts are held to commands that the state can take, and trained under the same mask.
    public var isConstrained = true
    /// Resamples allowed, as in use, when a command ends as one that was tried before or changes nothing; then its end is
    /// masked. The loss is on the answers that are kept. That others were dropped makes these likelier by a factor that
    /// depends on the state alone, so a baseline removes it in the mean.
    ///
    /// Above 0 only at a temperature of ``LanguageModels/Generator/resampleTemperature`` or more: all samples must be of one
    /// distribution.
    public var resamples = EpisodeOptions.standardResamples
    /// What the policy that learns computes in.
    public var precision = Precision.float32
    /// What the rollouts are played in. Where it is another precision, each token's gradient is weighed by how much likelier
    /// the learning policy finds it than the playing one, at most twice (truncated importance sampling).
    public var rolloutPrecision = Precision.float32
    /// The most characters of a start state; tasks with longer ones are left out.
    public var maxCharacters = 2_000
    /// Tokens that go through the model at the same time, on all cores.
    public var tokensPerPass = 2_048
    public var seed: UInt64 = 0
    /// Steps between two validations; each ends in a checkpoint.
    public var validateEvery = 10
    /// The most validation tasks that are played.
    public var validationCount = 64

    /// The digests of the files that the run reads, found out at its start.
    public internal(set) var inputs: [String]?

    public init(model: String, adapter: String, data: [String], recipe: GRPORecipe) {
        self.model = model
        self.adapter = adapter
        self.data = data
        self.recipe = recipe
    }
}

extension RLConfiguration: TrainingConfiguration {
    static let mayDiffer: Set<String> = ["steps"]
}
