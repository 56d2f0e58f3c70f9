import FoundationEssentials
import JSONKeys
import Tokenization

extension ModelConfiguration {
    /// Reads a Hugging Face folder's `config.json`.
    ///
    /// - Parameter source: The file's name for messages.
    init(json: Data, source: String, families: [ModelFamily] = ModelFamily.all) throws {
        let (family, file) = try Self.decode(json, source: source, families)
        try Self.refuseWhatIsNotComputed(file, family, source: source)
        func size(_ name: String, _ value: Int?) throws -> Int {
            guard let value else {
                throw LanguageModelError(
                    .modelNotReadable, "\(source) lacks \(name); take the config.json that belongs to the weights.")
            }
            guard (1...Self.largestSize).contains(value) else {
                throw LanguageModelError(.modelNotReadable, "\(source) gives \(name) as \(value), which is no size.")
            }
            return value
        }
        self.init(
            family, hiddenSize: try size("hidden_size", file.hiddenSize),
            headCount: try size("num_attention_heads", file.numAttentionHeads),
            headWidth: try (file.headDim ?? family.headWidth).map { try size("head_dim", $0) })
        intermediateSize = try size("intermediate_size", file.intermediateSize)
        layerCount = try size("num_hidden_layers", file.numHiddenLayers)
        keyValueHeadCount = try size("num_key_value_heads", file.numKeyValueHeads ?? headCount)
        vocabularySize = try size("vocab_size", file.vocabSize)
        contextLength = try size("max_position_embeddings", file.maxPositionEmbeddings)
        // Transformers' default in all families.
        rmsNormEpsilon = file.rmsNormEps ?? 1e-6
        tiesEmbeddings = file.tieWordEmbeddings ?? tiesEmbeddings
        if let scalar = family.queryScalar {
            queryScalar = try size("query_pre_attn_scalar", file.queryPreAttnScalar ?? scalar)
        }
        if file.attentionBias == true, !family.hasAttentionBias {
            biasedModules.formUnion([.query, .key, .value, .output])
        }
        if file.mlpBias == true { biasedModules.formUnion([.gate, .up, .down]) }
        // Transformers 5 writes all of RoPE into `rope_parameters`, earlier versions `rope_theta` and `rope_scaling`.
        // Where both are there, Transformers takes the old one, unless it is empty.
        let scaling = file.givenScaling
        let perKind = scaling == nil ? file.ropeParameters?.fullAttention : nil
        var rope = scaling ?? perKind ?? file.ropeParameters?.all
        ropeBase = rope?.ropeTheta ?? file.ropeTheta ?? ropeBase
        if perKind == nil, let original = file.originalMaxPositionEmbeddings {
            rope?.originalMaxPositionEmbeddings = original
        }
        ropeScaling = try rope.flatMap { try Self.scaling($0, contextLength, source: source) }
        slidingWindow = try family.slidingWindow.map { try Self.window($0, file, source: source) }
        try validate(source: source)
    }

    private static func decode(
        _ json: Data, source: String, _ families: [ModelFamily]
    ) throws -> (ModelFamily, HuggingFaceConfiguration) {
        struct ModelType: Decodable { var modelType: String }
        if let key = repeatedKey(inJSON: json) {
            throw LanguageModelError(
                .modelNotReadable, "\(source) gives \(key) twice in one object; leave one of them.")
        }
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            // First of all, since models of other families have other keys.
            let type = try decoder.decode(ModelType.self, from: json).modelType
            guard let family = families.first(where: { $0.modelType == type }) else {
                let known = families.map(\.modelType).joined(separator: ", ")
                throw LanguageModelError(
                    .unsupported, "\(source) describes a model of type \(type); supported are \(known).")
            }
            return (family, try decoder.decode(HuggingFaceConfiguration.self, from: json))
        } catch let error as LanguageModelError {
            throw error
        } catch {
            throw LanguageModelError(
                .modelNotReadable,
                "\(source) is not the config.json of a language model: \(TokenizationError.sentence(of: error)).")
        }
    }

    /// Refuses steps that would give other logits than ours.
    private static func refuseWhatIsNotComputed(
        _ file: HuggingFaceConfiguration, _ family: ModelFamily, source: String
    ) throws {
        func unsupported(_ what: String) -> LanguageModelError {
            LanguageModelError(.unsupported, "\(source) \(what).")
        }
        if let kind = file.layerTypes?.first(where: { !["full_attention", "sliding_attention"].contains($0) }) {
            throw unsupported("gives a layer the attention \(kind) (layer_types), which is not supported")
        }
        guard file.givenScaling == nil || file.ropeParameters == nil || family.slidingWindow == nil else {
            throw unsupported("gives both rope_scaling and rope_parameters; leave rope_parameters alone")
        }
        let slides = family.slidingWindow == nil && file.layerTypes?.contains("sliding_attention") == true
        guard file.useSlidingWindow != true, !slides else {
            throw unsupported("asks for sliding-window attention, which \(family.name) does not have here")
        }
        guard family.takesFeedForwardBias || file.mlpBias != true else {
            throw unsupported("asks for biases in the feed-forward layers, which \(family.name) does not have here")
        }
        if let method = file.quantizationConfig?.quantMethod {
            throw unsupported(
                "says that the weights are quantised (quantization_config: \(method)), which is not supported; take the "
                    + "model in 16-bit floats, or as a GGUF file")
        }
        if let name = file.architectures?.first(where: { !$0.hasSuffix("ForCausalLM") && !$0.hasSuffix("Model") }) {
            throw unsupported("describes a \(name), which is no model that writes text")
        }
        let activation = family.activation.rawValue
        if let asked = file.hiddenActivation ?? file.hiddenAct, asked != activation {
            throw unsupported("asks for the activation \(asked); for this family \(activation) is supported")
        }
        guard file.attnLogitSoftcapping == nil, file.finalLogitSoftcapping == nil,
            file.useBidirectionalAttention != true
        else {
            throw unsupported("asks for soft caps or for attention in both directions, which are not supported")
        }
    }

    /// The stretching of the rotary frequencies; nil for none.
    private static func scaling(
        _ rope: HuggingFaceConfiguration.Rope, _ contextLength: Int, source: String
    ) throws -> RopeScaling? {
        let type = rope.ropeType ?? rope.type ?? "default"
        func given(_ name: String, _ value: Double?) throws -> Double {
            guard let value, value.isFinite, value > 0 else {
                throw LanguageModelError(
                    .modelNotReadable, "\(source) gives no usable \(name) for its RoPE scaling \(type).")
            }
            return value
        }
        guard rope.partialRotaryFactor ?? 1 == 1 else {
            throw LanguageModelError(
                .unsupported,
                "\(source) turns a part of each head alone (partial_rotary_factor), which is not supported.")
        }
        func original() throws -> Int {
            let length = try given(
                "original_max_position_embeddings", rope.originalMaxPositionEmbeddings ?? Double(contextLength))
            return Int(min(length, Double(largestSize)))
        }
        switch type {
        case "default":
            guard rope.ropeType != nil || rope.type != nil || rope.factor ?? 1 == 1 else {
                throw LanguageModelError(
                    .modelNotReadable,
                    "\(source) scales RoPE by a factor without a rope_type; add linear, llama3 or yarn.")
            }
            return nil
        case "linear": return .linear(factor: try given("factor", rope.factor))
        case "llama3":
            let numbers = RopeScaling.Llama3(
                factor: try given("factor", rope.factor),
                lowFrequencyFactor: try given("low_freq_factor", rope.lowFreqFactor),
                highFrequencyFactor: try given("high_freq_factor", rope.highFreqFactor),
                originalContextLength: try original())
            guard numbers.highFrequencyFactor > numbers.lowFrequencyFactor else {
                throw LanguageModelError(
                    .modelNotReadable, "\(source) gives a high_freq_factor that is not above low_freq_factor.")
            }
            return .llama3(numbers)
        case "yarn":
            let factor = try given("factor", rope.factor)
            var attention = RopeScaling.Yarn.attentionFactor(factor)
            if let scale = rope.mscale, let all = rope.mscaleAllDim, scale != 0, all != 0 {
                attention =
                    RopeScaling.Yarn.attentionFactor(factor, scale) / RopeScaling.Yarn.attentionFactor(factor, all)
            }
            if let asked = rope.attentionFactor { attention = asked }
            return .yarn(
                .init(
                    factor: factor, attentionFactor: try given("attention_factor", attention),
                    fast: try given("beta_fast", rope.betaFast ?? 32),
                    slow: try given("beta_slow", rope.betaSlow ?? 1), truncates: rope.truncate ?? true,
                    originalContextLength: try original()))
        default:
            throw LanguageModelError(
                .unsupported, "\(source) uses the RoPE scaling \(type); supported are linear, llama3 and yarn.")
        }
    }

    private static func window(
        _ defaults: ModelFamily.SlidingWindowDefaults, _ file: HuggingFaceConfiguration, source: String
    ) throws -> SlidingWindow {
        guard let length = file.slidingWindow, (1...largestSize).contains(length) else {
            throw LanguageModelError(.modelNotReadable, "\(source) does not give sliding_window, or no usable one.")
        }
        let local = file.ropeParameters?.slidingAttention
        guard local?.ropeType ?? "default" == "default" else {
            throw LanguageModelError(
                .unsupported, "\(source) scales the RoPE of layers with a sliding window, which is not supported.")
        }
        return SlidingWindow(
            length: length,
            layers: file.layerTypes?.map { $0 == "sliding_attention" }
                ?? defaults.layers(file.numHiddenLayers ?? 1, pattern: file.slidingWindowPattern),
            ropeBase: local?.ropeTheta ?? file.ropeLocalBaseFreq ?? defaults.ropeBase)
    }

    /// Writes a `config.json` that Transformers reads, for weights of the type that it calls `dtype`.
    func json(dtype: String) throws -> Data {
        var file = HuggingFaceConfiguration()
        file.architectures = [family.className]
        file.modelType = family.modelType
        file.torchDtype = dtype
        file.hiddenSize = hiddenSize
        file.intermediateSize = intermediateSize
        file.numHiddenLayers = layerCount
        file.numAttentionHeads = headCount
        file.numKeyValueHeads = keyValueHeadCount
        file.headDim = headWidth
        file.vocabSize = vocabularySize
        file.maxPositionEmbeddings = contextLength
        file.rmsNormEps = rmsNormEpsilon
        file.ropeTheta = ropeBase
        file.ropeScaling = ropeScaling.map(HuggingFaceConfiguration.Rope.init)
        // Families with biases always have them, and no key that says so.
        file.attentionBias = family.hasAttentionBias ? nil : biasedModules.contains(.output)
        file.mlpBias = family.takesFeedForwardBias ? biasedModules.contains(.down) : nil
        file.tieWordEmbeddings = tiesEmbeddings
        let activation = family.activation.rawValue
        if family.namesHiddenActivation { file.hiddenActivation = activation } else { file.hiddenAct = activation }
        file.queryPreAttnScalar = family.queryScalar == nil ? nil : queryScalar
        file.ropeLocalBaseFreq = slidingWindow?.ropeBase
        file.slidingWindow = slidingWindow?.length
        file.layerTypes = slidingWindow?.layers.map { $0 ? "sliding_attention" : "full_attention" }
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(file) + [0x0A]
    }
}

extension ModelFamily.SlidingWindowDefaults {
    /// Which of `count` layers have the window: all but every sixth, or what the file says.
    func layers(_ count: Int, pattern: Int?) -> [Bool] {
        (1...max(1, count)).map { $0 % max(1, pattern ?? self.pattern) != 0 }
    }
}

/// `config.json`; property names are the file's, in camel case.
private struct HuggingFaceConfiguration: Codable {
    struct Rope: Hashable, Codable {
        var ropeType: String?
        var type: String?
        var ropeTheta: Double?
        var factor, lowFreqFactor, highFreqFactor: Double?
        var originalMaxPositionEmbeddings: Double?
        var attentionFactor, betaFast, betaSlow, mscale, mscaleAllDim, partialRotaryFactor: Double?
        var truncate: Bool?

        init() {}

        init(_ scaling: RopeScaling) {
            switch scaling {
            case .linear(let factor):
                ropeType = "linear"
                self.factor = factor
            case .llama3(let numbers):
                ropeType = "llama3"
                factor = numbers.factor
                lowFreqFactor = numbers.lowFrequencyFactor
                highFreqFactor = numbers.highFrequencyFactor
                originalMaxPositionEmbeddings = Double(numbers.originalContextLength)
            case .yarn(let numbers):
                ropeType = "yarn"
                factor = numbers.factor
                attentionFactor = numbers.attentionFactor
                betaFast = numbers.fast
                betaSlow = numbers.slow
                truncate = numbers.truncates
                originalMaxPositionEmbeddings = Double(numbers.originalContextLength)
            }
        }
    }
    /// What says that weights are quantised.
    struct Quantization: Codable {
        var quantMethod: String?

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            quantMethod = try container.decodeIfPresent(String.self, forKey: .quantMethod) ?? "unnamed"
        }
    }
    /// The parameters of all layers, or of either kind of layer.
    struct RopeParameters: Codable {
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

    var architectures: [String]?
    var modelType = ""
    var torchDtype: String?
    var hiddenSize, intermediateSize, numHiddenLayers, numAttentionHeads: Int?
    var numKeyValueHeads, headDim, vocabSize, maxPositionEmbeddings: Int?
    var rmsNormEps: Double?
    var ropeTheta, originalMaxPositionEmbeddings: Double?
    var ropeScaling: Rope?
    /// Nil where it is empty.
    var givenScaling: Rope? { ropeScaling == Rope() ? nil : ropeScaling }
    var ropeParameters: RopeParameters?
    var quantizationConfig: Quantization?
    var attentionBias, mlpBias, tieWordEmbeddings, useSlidingWindow, useBidirectionalAttention: Bool?
    var slidingWindow, slidingWindowPattern, queryPreAttnScalar: Int?
    var layerTypes: [String]?
    var ropeLocalBaseFreq, attnLogitSoftcapping, finalLogitSoftcapping: Double?
    var hiddenAct, hiddenActivation: String?
}
