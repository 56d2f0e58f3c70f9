public import Tensors

/// A Llama-type language model of one of the families in ``ModelFamily/all``.
///
/// One forward pass takes any number of segments, each a run of new tokens of one conversation with its own
/// ``KVCache``: prompts and single decoded tokens of several conversations share the matrix products, and one call
/// a layer does the attention of all.
///
/// Weights carry the names that Transformers gives them.
public final class CausalLM: Sendable {
    /// New tokens of one conversation.
    public struct Segment {
        /// The ids of the new tokens, at least one.
        public var tokens: [Int]
        /// The keys and values of the tokens before them.
        public var cache: KVCache
        /// How many of the last tokens the logits are wanted for.
        public var outputCount: Int

        /// - Parameter outputCount: How many of the last tokens the logits are wanted for.
        public init(tokens: [Int], cache: KVCache, outputCount: Int = 1) {
            self.tokens = tokens
            self.cache = cache
            self.outputCount = outputCount
        }
    }

    /// The weights of one transformer block.
    struct Layer {
        /// The factors of the norms, the family's offset included.
        let norms: [NormModule: Tensor]
        /// One product for each ``LinearGroup``, in their order.
        let groups: [Linear]
        /// The parts of the products.
        let modules: [LinearModule: Linear]

        subscript(group: LinearGroup) -> Linear { groups[group.rawValue] }
    }

    /// The family, sizes and constants.
    public let configuration: ModelConfiguration
    /// Where the weights are and the passes run.
    public let device: Device
    /// The numbers in which the model computes.
    public let precision: Precision
    /// The element type of dense weights.
    public var dtype: DType { precision.dtype }
    let embeddings: Linear.Weight
    /// `[1]`, the factor of embeddings; nil in families that have none.
    let embeddingScale: Tensor?
    let layers: [Layer]
    let norm: Tensor
    let head: Linear
    /// `[headWidth / 2]`, of layers that see all tokens, and of those with a sliding window.
    let inverseFrequencies: Tensor
    let slidingFrequencies: Tensor?
    let clock = PhaseClock()
    /// Whether inference uses the kernels for a CPU, which have 32-bit floats between the products whatever the weights
    /// are. Otherwise it uses libtorch's operations, as on a GPU.
    let usesKernels: Bool
    /// The same of training, whose kernels take heads of any width.
    let usesTrainingKernels: Bool

    /// - Parameters:
    ///   - quantizesProducts: Whether training multiplies by the weights of the layers in 8-bit integers.
    ///   - allowsKernels: False for the operations of a GPU on a CPU too, in inference and training.
    init(
        configuration: ModelConfiguration, weights: any WeightSource, adapter: LoRAAdapter?, device: Device,
        precision: Precision, quantizesProducts: Bool = false, allowsKernels: Bool = true
    ) throws {
        usesTrainingKernels = allowsKernels && device == .cpu
        usesKernels = usesTrainingKernels && Kernels.supports(headWidth: configuration.headWidth)
        let size = configuration.hiddenSize
        let isInt8 = precision == .int8 || quantizesProducts
        if isInt8, !usesKernels || size % 16 != 0 || configuration.intermediateSize % 16 != 0 {
            throw LanguageModelError(
                .unsupported,
                device == .cpu
                    ? "\(weights.path) has sizes that int8 does not support (heads and layers of multiples of 16)."
                    : "int8 runs on a CPU only; use bfloat16 on \(device).")
        }
        let activations: DType = usesKernels ? .float32 : precision.dtype
        var configuration = configuration
        // An adapter that changes one of the two unties them, and so does a stored head of other values.
        let hasOwnHead =
            try !configuration.tiesEmbeddings || adapter?.changes("model.embed_tokens.weight") == true
            || adapter?.changes("lm_head.weight") == true || Self.holdsOtherHead(weights)
        let storesHead = try !configuration.tiesEmbeddings || weights.weight("lm_head.weight") != nil
        configuration.tiesEmbeddings = !hasOwnHead
        var loader = WeightLoader(
            weights: weights, adapter: adapter, device: device, precision: precision, activations: activations,
            aliases: storesHead ? [:] : ["lm_head.weight": "model.embed_tokens.weight"])
        embeddings = try loader.weight(
            [("model.embed_tokens.weight", configuration.vocabularySize)], inputs: size)
        // Rounded to the weights' type, as Transformers does it.
        embeddingScale =
            configuration.family.scalesEmbeddings
            ? try Tensor.full(Double(size).squareRoot(), shape: [1], dtype: precision.dtype, on: device)
                .to(activations) : nil
        layers = try (0..<configuration.layerCount).map {
            try loader.layer($0, of: configuration, quantizes: quantizesProducts)
        }
        norm = try loader.norm("model.norm.weight", size, offset: configuration.family.normOffset)
        head = try Linear(
            weight: configuration.tiesEmbeddings
                ? embeddings : loader.weight([("lm_head.weight", configuration.vocabularySize)], inputs: size),
            bias: nil)
        var frequencies = try Tensor(configuration.inverseFrequencies, shape: [configuration.headWidth / 2])
        // GGUF files hold Llama 3's scaling as a divisor for each frequency.
        if let divisors = try weights.weight("rope_freqs.weight") {
            guard divisors.shape == frequencies.shape, try divisors.floats().allSatisfy({ $0.isFinite && $0 > 0 })
            else {
                throw LanguageModelError(
                    .modelNotReadable, "\(weights.path) has no usable factors in rope_freqs.weight.")
            }
            frequencies = try frequencies / divisors
        }
        inverseFrequencies = try frequencies.to(.float32, on: device)
        slidingFrequencies = try configuration.slidingFrequencies.map {
            try Tensor($0, shape: [configuration.headWidth / 2]).to(.float32, on: device)
        }
        try loader.checkAllIsUsed()
        self.configuration = configuration
        self.device = device
        self.precision = precision
    }

    /// Whether a source of tied weights holds an output head with other values than the embeddings, which then counts,
    /// as in Transformers 5.
    private static func holdsOtherHead(_ weights: any WeightSource) throws -> Bool {
        guard let head = try weights.weight("lm_head.weight"),
            let embeddings = try weights.weight("model.embed_tokens.weight")
        else { return false }
        guard head.shape == embeddings.shape, head.dtype == embeddings.dtype else { return true }
        let difference = try (head.to(.float32) - embeddings.to(.float32)).abs().maximum(0).maximum(0).floats()
        return difference.first != 0
    }

    /// Where the time of all forward passes went, in seconds. A GPU computes while the clock has gone on, so that the
    /// figures say little there.
    public var phases: PhaseSeconds { clock.total }

    /// The weights' size in memory, in bytes.
    public var weightByteCount: Int {
        let matrices = layers.flatMap(\.groups).map(\.weight)
        return (matrices + [embeddings] + (configuration.tiesEmbeddings ? [] : [head.weight]))
            .reduce(0) { $0 + $1.byteCount }
    }

    /// An empty cache for one conversation with this model.
    public func makeCache() -> KVCache {
        let dtype: DType = !usesKernels ? precision.dtype : precision == .float32 ? .float32 : .float16
        return KVCache(
            .init(
                layerCount: layers.count, keyHeads: configuration.keyValueHeadCount, width: configuration.headWidth,
                dtype: dtype, device: device))
    }
}
