public import LanguageModels

/// What a supervised run does: the content of its `run.json`.
public struct SFTConfiguration: Hashable, Sendable, Codable {
    /// The model as it was named, and the files of demonstrations.
    public var model: String
    public var data: [String]
    /// Demonstrations that are measured on and not learned.
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
    /// Ends training after this many tokens instead of whole epochs.
    public var maxTokens: Int?
    /// Longer demonstrations are left out.
    public var maxLength = 2_048
    /// Tokens that go through the model at once, on all cores; a step takes as many passes as it needs.
    public var tokensPerPass = 2_048
    /// The layers whose activations are held at once; nil for all.
    public var layersPerCheckpoint: Int?
    /// Of the frozen weights and their products; the adapter, its gradients and the residual stream are always in
    /// 32-bit floats.
    public var precision = Precision.float32
    public var seed: UInt64 = 0
    /// Steps between two validations, each of which ends in a checkpoint.
    public var validateEvery = 50
    /// Validation demonstrations whose loss and first command are measured, and episodes that are played.
    public var validationCount = 64
    public var validationEpisodes = 32

    public init(model: String, data: [String]) {
        self.model = model
        self.data = data
    }
}
