import FoundationEssentials
import Tensors

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The sizes and constants of a Llama-type transformer.
public struct ModelConfiguration: Hashable, Sendable {
    public enum Family: String, Hashable, Sendable {
        case llama, qwen2, qwen3, gemma3

        /// - Parameter huggingFace: `model_type` of a `config.json`.
        init?(huggingFace type: String) {
            switch type {
            case "gemma3_text": self = .gemma3
            // The model with a vision tower.
            case "gemma3": return nil
            default: self.init(rawValue: type)
            }
        }

        /// What messages list.
        static let supported = "llama, qwen2, qwen3 and the text models of gemma3"
    }

    /// Llama 3's stretching of the rotary frequencies to longer contexts.
    ///
    /// Source: Transformers, `modeling_rope_utils.py`, `_compute_llama3_parameters`.
    public struct Llama3Scaling: Hashable, Sendable {
        public var factor: Double
        public var lowFrequencyFactor: Double
        public var highFrequencyFactor: Double
        public var originalContextLength: Int
    }

    /// Layers that see the last tokens alone, and turn by angles of their own (Gemma 3).
    public struct SlidingWindow: Hashable, Sendable {
        /// The most tokens that a token sees, itself included.
        public var length: Int
        /// For each layer whether it is one of them.
        public var layers: [Bool]
        public var ropeBase: Double
    }

    public var family: Family
    public var hiddenSize: Int
    public var intermediateSize: Int
    public var layerCount: Int
    public var headCount: Int
    public var keyValueHeadCount: Int
    public var headWidth: Int
    public var vocabularySize: Int
    public var contextLength: Int
    public var rmsNormEpsilon: Double
    public var ropeBase: Double
    public var ropeScaling: Llama3Scaling?
    public var slidingWindow: SlidingWindow?
    /// Attention scores are divided by its root: the heads' width, but for some Gemmas.
    public var queryScalar: Int
    /// Whether q, k and v have biases (Qwen2).
    public var hasAttentionBias: Bool
    /// Whether the token embeddings are also the output head.
    public var tiesEmbeddings: Bool

    var attentionScale: Double { 1 / Double(queryScalar).squareRoot() }

    func hasSlidingWindow(_ layer: Int) -> Bool { slidingWindow?.layers[layer] ?? false }
}

// MARK: From files

extension ModelConfiguration {
    /// From a GGUF file's metadata.
    init(gguf: GGUFFile) throws {
        let name = gguf.string("general.architecture") ?? "an unnamed architecture"
        guard let family = Family(rawValue: name) else {
            throw LanguageModelError(
                .unsupported,
                "\(gguf.path) holds a model of the architecture \(name); supported are \(Family.supported).")
        }
        func integer(_ key: String) throws -> Int {
            guard let value = gguf.integer("\(name).\(key)"), value > 0 else {
                throw LanguageModelError(.modelNotReadable, "\(gguf.path) does not give \(name).\(key).")
            }
            return value
        }
        guard let embedding = gguf.entries["token_embd.weight"], embedding.shape.count == 2 else {
            throw LanguageModelError(.modelNotReadable, "\(gguf.path) holds no token embeddings.")
        }
        let headCount = try integer("attention.head_count")
        let hiddenSize = try integer("embedding_length")
        if let type = gguf.string("\(name).rope.scaling.type"), type != "none" {
            throw LanguageModelError(
                .unsupported, "\(gguf.path) uses the RoPE scaling \(type), which is not supported.")
        }
        let headWidth = gguf.integer("\(name).attention.key_length") ?? hiddenSize / headCount
        let layerCount = try integer("block_count")
        var slidingWindow: SlidingWindow?
        if family == .gemma3 {
            // Files state the pattern as a number or for each layer, or leave it out. Source: llama.cpp, llama-model.cpp.
            let pattern = "\(name).attention.sliding_window_pattern"
            slidingWindow = SlidingWindow(
                length: try integer("attention.sliding_window"),
                layers: gguf.integers(pattern)?.map { $0 != 0 }
                    ?? Self.slidingLayers(layerCount, pattern: gguf.integer(pattern)),
                ropeBase: gguf.number("\(name).rope.freq_base_swa") ?? 10_000)
        }
        self.init(
            family: family, hiddenSize: hiddenSize, intermediateSize: try integer("feed_forward_length"),
            layerCount: layerCount, headCount: headCount,
            keyValueHeadCount: gguf.integer("\(name).attention.head_count_kv") ?? headCount, headWidth: headWidth,
            vocabularySize: embedding.shape[0], contextLength: try integer("context_length"),
            rmsNormEpsilon: gguf.number("\(name).attention.layer_norm_rms_epsilon") ?? 1e-5,
            ropeBase: gguf.number("\(name).rope.freq_base") ?? (family == .gemma3 ? 1_000_000 : 10_000),
            ropeScaling: nil, slidingWindow: slidingWindow, queryScalar: headWidth,
            hasAttentionBias: family == .qwen2, tiesEmbeddings: gguf.entries["output.weight"] == nil)
        try validate(source: gguf.path)
    }

    /// From a Hugging Face folder's `config.json`.
    init(json: Data, source: String) throws {
        func unsupported(_ what: String) -> LanguageModelError {
            LanguageModelError(.unsupported, "\(source) \(what).")
        }
        let family: Family
        let file: ConfigurationFile
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            // First of all, since models of other families have other keys.
            let type = try decoder.decode(ModelType.self, from: json).modelType
            guard let known = Family(huggingFace: type) else {
                throw unsupported("describes a model of type \(type); supported are \(Family.supported)")
            }
            family = known
            file = try decoder.decode(ConfigurationFile.self, from: json)
        } catch let error as LanguageModelError {
            throw error
        } catch {
            throw LanguageModelError(
                .modelNotReadable, "\(source) is not the config.json of a language model: \(error)")
        }
        guard file.useSlidingWindow != true else {
            throw unsupported("asks for sliding-window attention, which is supported for gemma3 alone")
        }
        // With it Transformers has a bias behind attention too.
        guard family == .qwen2 || file.attentionBias != true else {
            throw unsupported("asks for biases in attention, which are supported for qwen2 alone")
        }
        let activation = family == .gemma3 ? "gelu_pytorch_tanh" : "silu"
        if let asked = file.hiddenActivation ?? file.hiddenAct, asked != activation {
            throw unsupported("asks for the activation \(asked); for this family \(activation) is supported")
        }
        guard file.attnLogitSoftcapping == nil, file.finalLogitSoftcapping == nil,
            file.useBidirectionalAttention != true
        else {
            throw unsupported("asks for soft caps or for attention in both directions, which are not supported")
        }
        // Transformers 5 writes all of RoPE into `rope_parameters`, earlier versions `rope_theta` and `rope_scaling`.
        let rope = file.ropeParameters?.fullAttention ?? file.ropeParameters?.all ?? file.ropeScaling
        var slidingWindow: SlidingWindow?
        if family == .gemma3 {
            guard let length = file.slidingWindow, length > 0 else {
                throw LanguageModelError(.modelNotReadable, "\(source) does not give sliding_window.")
            }
            let local = file.ropeParameters?.slidingAttention
            guard local?.ropeType ?? "default" == "default" else {
                throw unsupported("scales the RoPE of layers with a sliding window, which is not supported")
            }
            slidingWindow = SlidingWindow(
                length: length,
                layers: file.layerTypes?.map { $0 == "sliding_attention" }
                    ?? Self.slidingLayers(file.numHiddenLayers, pattern: file.slidingWindowPattern),
                ropeBase: local?.ropeTheta ?? file.ropeLocalBaseFreq ?? 10_000)
        } else if file.layerTypes?.contains("sliding_attention") == true {
            throw unsupported("asks for sliding-window attention, which is supported for gemma3 alone")
        }
        var scaling: Llama3Scaling?
        switch rope?.ropeType ?? rope?.type ?? "default" {
        case "default":
            break
        case "llama3":
            guard let rope, let factor = rope.factor, let low = rope.lowFreqFactor, let high = rope.highFreqFactor,
                let original = rope.originalMaxPositionEmbeddings
            else {
                throw LanguageModelError(.modelNotReadable, "\(source) lacks numbers of its llama3 RoPE scaling.")
            }
            scaling = Llama3Scaling(
                factor: factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContextLength: original)
        case let type:
            throw LanguageModelError(.unsupported, "\(source) uses the RoPE scaling \(type); supported is llama3.")
        }
        let headWidth = file.headDim ?? family.headWidth ?? file.hiddenSize / max(1, file.numAttentionHeads)
        self.init(
            family: family, hiddenSize: file.hiddenSize, intermediateSize: file.intermediateSize,
            layerCount: file.numHiddenLayers, headCount: file.numAttentionHeads,
            keyValueHeadCount: file.numKeyValueHeads ?? file.numAttentionHeads,
            headWidth: headWidth, vocabularySize: file.vocabSize, contextLength: file.maxPositionEmbeddings,
            rmsNormEpsilon: file.rmsNormEps,
            ropeBase: rope?.ropeTheta ?? file.ropeTheta ?? (family == .gemma3 ? 1_000_000 : 10_000),
            ropeScaling: scaling, slidingWindow: slidingWindow,
            queryScalar: family == .gemma3 ? file.queryPreAttnScalar ?? 256 : headWidth,
            hasAttentionBias: family == .qwen2,
            tiesEmbeddings: file.tieWordEmbeddings ?? (family == .gemma3))
        try validate(source: source)
    }

    /// Every sixth layer, or what the file says, sees all.
    private static func slidingLayers(_ count: Int, pattern: Int?) -> [Bool] {
        (1...max(1, count)).map { $0 % max(1, pattern ?? 6) != 0 }
    }

    private func validate(source: String) throws {
        let sizes = [
            hiddenSize, intermediateSize, layerCount, headCount, keyValueHeadCount, headWidth, vocabularySize,
            contextLength, queryScalar,
        ]
        guard slidingWindow?.layers.count ?? layerCount == layerCount else {
            throw LanguageModelError(
                .modelNotReadable, "\(source) says of another number of layers than it has whether they have a window.")
        }
        guard sizes.allSatisfy({ (1...(1 << 24)).contains($0) }), headCount % keyValueHeadCount == 0, headWidth % 2 == 0
        else {
            throw LanguageModelError(.modelNotReadable, "\(source) gives sizes that no transformer can have.")
        }
    }
}

extension ModelConfiguration.Family {
    /// What Transformers takes where `head_dim` is missing; nil for a share of the hidden size.
    fileprivate var headWidth: Int? { self == .qwen3 ? 128 : self == .gemma3 ? 256 : nil }
}

private struct ModelType: Decodable {
    var modelType: String
}

private struct ConfigurationFile: Decodable {
    /// Of all layers, or of either kind of layer.
    struct RopeParameters: Decodable {
        var all: Rope
        var fullAttention, slidingAttention: Rope?
        private enum CodingKeys: CodingKey { case fullAttention, slidingAttention }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            all = try Rope(from: decoder)
            fullAttention = try container.decodeIfPresent(Rope.self, forKey: .fullAttention)
            slidingAttention = try container.decodeIfPresent(Rope.self, forKey: .slidingAttention)
        }
    }
    struct Rope: Decodable {
        var ropeType: String?
        var type: String?
        var ropeTheta: Double?
        var factor: Double?
        var lowFreqFactor: Double?
        var highFreqFactor: Double?
        var originalMaxPositionEmbeddings: Int?
    }

    var hiddenSize: Int
    var intermediateSize: Int
    var numHiddenLayers: Int
    var numAttentionHeads: Int
    var numKeyValueHeads: Int?
    var headDim: Int?
    var vocabSize: Int
    var maxPositionEmbeddings: Int
    var rmsNormEps: Double
    var ropeTheta: Double?
    var ropeScaling: Rope?
    var ropeParameters: RopeParameters?
    var attentionBias: Bool?
    var tieWordEmbeddings: Bool?
    var useSlidingWindow, useBidirectionalAttention: Bool?
    var slidingWindow, slidingWindowPattern, queryPreAttnScalar: Int?
    var layerTypes: [String]?
    var ropeLocalBaseFreq, attnLogitSoftcapping, finalLogitSoftcapping: Double?
    var hiddenAct, hiddenActivation: String?
}

// MARK: Writing

extension ModelConfiguration {
    /// The sizes as a `config.json` that Transformers reads, for weights of `dtype`.
    func json(dtype: String) throws -> Data {
        let rope = ropeScaling.map {
            WrittenConfiguration.Rope(
                factor: $0.factor, lowFreqFactor: $0.lowFrequencyFactor, highFreqFactor: $0.highFrequencyFactor,
                originalMaxPositionEmbeddings: $0.originalContextLength)
        }
        let architecture =
            switch family {
            case .llama: "Llama"
            case .qwen2: "Qwen2"
            case .qwen3: "Qwen3"
            case .gemma3: "Gemma3"
            }
        let isGemma = family == .gemma3
        let written = WrittenConfiguration(
            architectures: ["\(architecture)ForCausalLM"], modelType: isGemma ? "gemma3_text" : family.rawValue,
            hiddenSize: hiddenSize, intermediateSize: intermediateSize, numHiddenLayers: layerCount,
            numAttentionHeads: headCount, numKeyValueHeads: keyValueHeadCount, headDim: headWidth,
            vocabSize: vocabularySize, maxPositionEmbeddings: contextLength, rmsNormEps: rmsNormEpsilon,
            ropeTheta: ropeBase, ropeScaling: rope, attentionBias: family == .qwen2 ? nil : hasAttentionBias,
            tieWordEmbeddings: tiesEmbeddings, hiddenAct: isGemma ? nil : "silu",
            hiddenActivation: isGemma ? "gelu_pytorch_tanh" : nil, ropeLocalBaseFreq: slidingWindow?.ropeBase,
            queryPreAttnScalar: isGemma ? queryScalar : nil, slidingWindow: slidingWindow?.length,
            layerTypes: slidingWindow?.layers.map { $0 ? "sliding_attention" : "full_attention" }, torchDtype: dtype)
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(written) + [0x0A]
    }
}

private struct WrittenConfiguration: Encodable {
    struct Rope: Encodable {
        var ropeType = "llama3"
        var factor, lowFreqFactor, highFreqFactor: Double
        var originalMaxPositionEmbeddings: Int
    }

    var architectures: [String]
    var modelType: String
    var hiddenSize, intermediateSize, numHiddenLayers, numAttentionHeads, numKeyValueHeads, headDim: Int
    var vocabSize, maxPositionEmbeddings: Int
    var rmsNormEps, ropeTheta: Double
    var ropeScaling: Rope?
    var attentionBias: Bool?
    var tieWordEmbeddings: Bool
    var hiddenAct, hiddenActivation: String?
    var ropeLocalBaseFreq: Double?
    var queryPreAttnScalar, slidingWindow: Int?
    var layerTypes: [String]?
    var torchDtype: String
}

// MARK: Rotary frequencies

extension ModelConfiguration {
    /// The rotary angle per position of each pair of components, `[headWidth / 2]`.
    var inverseFrequencies: [Float] {
        let plain = frequencies(base: ropeBase)
        guard let scaling = ropeScaling else { return plain.map(Float.init) }
        let original = Double(scaling.originalContextLength)
        return plain.map { (frequency: Double) -> Float in
            let wavelength = 2 * Double.pi / frequency
            if wavelength < original / scaling.highFrequencyFactor { return Float(frequency) }
            if wavelength > original / scaling.lowFrequencyFactor { return Float(frequency / scaling.factor) }
            let span = scaling.highFrequencyFactor - scaling.lowFrequencyFactor
            let smooth = (original / wavelength - scaling.lowFrequencyFactor) / span
            let stretched = frequency / scaling.factor
            return Float((1 - smooth) * stretched + smooth * frequency)
        }
    }

    /// The same of layers with a sliding window; nil without such.
    var slidingFrequencies: [Float]? { slidingWindow.map { frequencies(base: $0.ropeBase).map(Float.init) } }

    private func frequencies(base: Double) -> [Double] {
        (0..<headWidth / 2).map { (pair: Int) -> Double in
            let exponent = Double(2 * pair) / Double(headWidth)
            return 1 / pow(base, exponent)
        }
    }
}
