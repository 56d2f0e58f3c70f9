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
        case llama, qwen2
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
    /// Whether q, k and v have biases (Qwen2).
    public var hasAttentionBias: Bool
    /// Whether the token embeddings are also the output head.
    public var tiesEmbeddings: Bool
}

// MARK: From files

extension ModelConfiguration {
    /// From a GGUF file's metadata.
    init(gguf: GGUFFile) throws {
        let name = gguf.string("general.architecture") ?? "an unnamed architecture"
        guard let family = Family(rawValue: name) else {
            throw LanguageModelError(
                .unsupported, "\(gguf.path) holds a model of the architecture \(name); supported are llama and qwen2.")
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
        self.init(
            family: family, hiddenSize: hiddenSize, intermediateSize: try integer("feed_forward_length"),
            layerCount: try integer("block_count"), headCount: headCount,
            keyValueHeadCount: gguf.integer("\(name).attention.head_count_kv") ?? headCount,
            headWidth: gguf.integer("\(name).attention.key_length") ?? hiddenSize / headCount,
            vocabularySize: embedding.shape[0], contextLength: try integer("context_length"),
            rmsNormEpsilon: gguf.number("\(name).attention.layer_norm_rms_epsilon") ?? 1e-5,
            ropeBase: gguf.number("\(name).rope.freq_base") ?? 10_000, ropeScaling: nil,
            hasAttentionBias: family == .qwen2, tiesEmbeddings: gguf.entries["output.weight"] == nil)
        try validate(source: gguf.path)
    }

    /// From a Hugging Face folder's `config.json`.
    init(json: Data, source: String) throws {
        let file: ConfigurationFile
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            file = try decoder.decode(ConfigurationFile.self, from: json)
        } catch {
            throw LanguageModelError(
                .modelNotReadable, "\(source) is not the config.json of a language model: \(error)")
        }
        guard let family = Family(rawValue: file.modelType) else {
            throw LanguageModelError(
                .unsupported, "\(source) describes a model of type \(file.modelType); supported are llama and qwen2.")
        }
        guard file.useSlidingWindow != true else {
            throw LanguageModelError(
                .unsupported, "\(source) asks for sliding-window attention, which is not supported.")
        }
        guard file.hiddenAct == nil || file.hiddenAct == "silu" else {
            throw LanguageModelError(
                .unsupported, "\(source) asks for the activation \(file.hiddenAct ?? ""); silu is supported.")
        }
        // Transformers 5 writes all of RoPE into `rope_parameters`, earlier versions `rope_theta` and `rope_scaling`.
        let rope = file.ropeParameters ?? file.ropeScaling
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
        self.init(
            family: family, hiddenSize: file.hiddenSize, intermediateSize: file.intermediateSize,
            layerCount: file.numHiddenLayers, headCount: file.numAttentionHeads,
            keyValueHeadCount: file.numKeyValueHeads ?? file.numAttentionHeads,
            headWidth: file.headDim ?? file.hiddenSize / max(1, file.numAttentionHeads),
            vocabularySize: file.vocabSize, contextLength: file.maxPositionEmbeddings,
            rmsNormEpsilon: file.rmsNormEps, ropeBase: rope?.ropeTheta ?? file.ropeTheta ?? 10_000,
            ropeScaling: scaling, hasAttentionBias: family == .qwen2 || file.attentionBias == true,
            tiesEmbeddings: file.tieWordEmbeddings ?? false)
        try validate(source: source)
    }

    private func validate(source: String) throws {
        let sizes = [
            hiddenSize, intermediateSize, layerCount, headCount, keyValueHeadCount, headWidth, vocabularySize,
            contextLength,
        ]
        guard sizes.allSatisfy({ (1...(1 << 24)).contains($0) }), headCount % keyValueHeadCount == 0, headWidth % 2 == 0
        else {
            throw LanguageModelError(.modelNotReadable, "\(source) gives sizes that no transformer can have.")
        }
    }
}

private struct ConfigurationFile: Decodable {
    struct Rope: Decodable {
        var ropeType: String?
        var type: String?
        var ropeTheta: Double?
        var factor: Double?
        var lowFreqFactor: Double?
        var highFreqFactor: Double?
        var originalMaxPositionEmbeddings: Int?
    }

    var modelType: String
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
    var ropeParameters: Rope?
    var attentionBias: Bool?
    var tieWordEmbeddings: Bool?
    var useSlidingWindow: Bool?
    var hiddenAct: String?
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
        let written = WrittenConfiguration(
            architectures: [family == .llama ? "LlamaForCausalLM" : "Qwen2ForCausalLM"], modelType: family.rawValue,
            hiddenSize: hiddenSize, intermediateSize: intermediateSize, numHiddenLayers: layerCount,
            numAttentionHeads: headCount, numKeyValueHeads: keyValueHeadCount, headDim: headWidth,
            vocabSize: vocabularySize, maxPositionEmbeddings: contextLength, rmsNormEps: rmsNormEpsilon,
            ropeTheta: ropeBase, ropeScaling: rope, attentionBias: family == .llama ? hasAttentionBias : nil,
            tieWordEmbeddings: tiesEmbeddings, torchDtype: dtype)
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
    var hiddenAct = "silu"
    var torchDtype: String
}

// MARK: Rotary frequencies

extension ModelConfiguration {
    /// The rotary angle per position of each pair of components, `[headWidth / 2]`.
    var inverseFrequencies: [Float] {
        let plain = (0..<headWidth / 2).map { (pair: Int) -> Double in
            let exponent = Double(2 * pair) / Double(headWidth)
            return 1 / pow(ropeBase, exponent)
        }
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
}
