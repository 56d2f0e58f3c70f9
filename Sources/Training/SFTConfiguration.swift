public import LanguageModels

/// Everything that decides a supervised run: the content of its `run.json`.
public struct SFTConfiguration: Hashable, Sendable, Codable {
    /// The model as the user named it.
    public var model: String
    /// Files of demonstrations.
    public var data: [String]
    /// Demonstrations to measure on; they are not learned.
    public var validation: String?
    /// An adapter to go on from; a new one when nil.
    public var adapter: String?
    public var lora = LoRAConfiguration()
    public var optimizer = AdamW.Options(learningRate: 1e-3)
    /// The share of the steps in which the learning rate rises.
    public var warmup = 0.03
    /// Demonstrations a step, in each process.
    public var batch = 16
    /// Processes that train together; set by ``SFT``.
    public internal(set) var processes = 1
    public var epochs = 1
    /// The tokens after which training ends, instead of whole epochs.
    public var maxTokens: Int?
    /// The most tokens of a demonstration; longer ones are left out.
    public var maxLength = 2_048
    /// Tokens that go through the model at the same time, on all cores; a step takes as many passes as it needs.
    public var tokensPerPass = 2_048
    /// The precision of the frozen weights and their products. The adapter, its gradients and the residual stream are
    /// always in 32-bit floats.
    public var precision = Precision.float32
    public var seed: UInt64 = 0
    /// Steps between two validations; each ends in a checkpoint.
    public var validateEvery = 50
    /// Validation demonstrations whose loss and first command are measured.
    public var validationCount = 64
    /// Validation demonstrations whose start states are played.
    public var validationEpisodes = 32

    /// The digests of the files that the run reads, found out at its start.
    public internal(set) var inputs: [String]?

    public init(model: String, data: [String]) {
        self.model = model
        self.data = data
    }
}

extension SFTConfiguration: TrainingConfiguration {
    static let mayDiffer: Set<String> = []
}
