import FoundationEssentials

extension ModelConfiguration {
    /// Reads a Hugging Face folder's `config.json`.
    ///
    /// - Parameter source: The file's name for messages.
    init(json: Data, source: String, families: [ModelFamily] = ModelFamily.all) throws {
        let (family, file) = try Self.decode(json, source: source, families)
        try Self.refuseWhatIsNotComputed(file, family, source: source)
        self.init(
            family, hiddenSize: file.hiddenSize, headCount: file.numAttentionHeads,
            headWidth: file.headDim ?? family.headWidth)
        intermediateSize = file.intermediateSize
        layerCount = file.numHiddenLayers
        keyValueHeadCount = file.numKeyValueHeads ?? headCount
        vocabularySize = file.vocabSize
        contextLength = file.maxPositionEmbeddings
        rmsNormEpsilon = file.rmsNormEps
        tiesEmbeddings = file.tieWordEmbeddings ?? tiesEmbeddings
        if let scalar = family.queryScalar { queryScalar = file.queryPreAttnScalar ?? scalar }
        // Transformers 5 writes all of RoPE into `rope_parameters`, earlier versions `rope_theta` and `rope_scaling`.
        let rope = file.ropeParameters?.fullAttention ?? file.ropeParameters?.all ?? file.ropeScaling
        ropeBase = rope?.ropeTheta ?? file.ropeTheta ?? ropeBase
        ropeScaling = try rope.flatMap { try Self.scaling($0, source: source) }
        slidingWindow = try family.slidingWindow.map { try Self.window($0, file, source: source) }
        try validate(source: source)
    }

    private static func decode(
        _ json: Data, source: String, _ families: [ModelFamily]
    ) throws -> (ModelFamily, HuggingFaceConfiguration) {
        struct ModelType: Decodable { var modelType: String }
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
                .modelNotReadable, "\(source) is not the config.json of a language model: \(error)")
        }
    }

    /// Refuses steps that would give other logits than ours.
    private static func refuseWhatIsNotComputed(
        _ file: HuggingFaceConfiguration, _ family: ModelFamily, source: String
    ) throws {
        func unsupported(_ what: String) -> LanguageModelError {
            LanguageModelError(.unsupported, "\(source) \(what).")
        }
        let slides = family.slidingWindow == nil && file.layerTypes?.contains("sliding_attention") == true
        guard file.useSlidingWindow != true, !slides else {
            throw unsupported("asks for sliding-window attention, which \(family.name) does not have here")
        }
        // With it Transformers has a bias behind attention too.
        guard family.hasAttentionBias || file.attentionBias != true else {
            throw unsupported("asks for biases in attention, which \(family.name) does not have here")
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
    private static func scaling(_ rope: HuggingFaceConfiguration.Rope, source: String) throws -> Llama3Scaling? {
        switch rope.ropeType ?? rope.type ?? "default" {
        case "default": return nil
        case "llama3":
            guard let factor = rope.factor, let low = rope.lowFreqFactor, let high = rope.highFreqFactor,
                let original = rope.originalMaxPositionEmbeddings
            else {
                throw LanguageModelError(.modelNotReadable, "\(source) lacks numbers of its llama3 RoPE scaling.")
            }
            return Llama3Scaling(
                factor: factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContextLength: original)
        case let type:
            throw LanguageModelError(.unsupported, "\(source) uses the RoPE scaling \(type); supported is llama3.")
        }
    }

    private static func window(
        _ defaults: ModelFamily.SlidingWindowDefaults, _ file: HuggingFaceConfiguration, source: String
    ) throws -> SlidingWindow {
        guard let length = file.slidingWindow, length > 0 else {
            throw LanguageModelError(.modelNotReadable, "\(source) does not give sliding_window.")
        }
        let local = file.ropeParameters?.slidingAttention
        guard local?.ropeType ?? "default" == "default" else {
            throw LanguageModelError(
                .unsupported, "\(source) scales the RoPE of layers with a sliding window, which is not supported.")
        }
        return SlidingWindow(
            length: length,
            layers: file.layerTypes?.map { $0 == "sliding_attention" }
                ?? defaults.layers(file.numHiddenLayers, pattern: file.slidingWindowPattern),
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
        file.ropeScaling = ropeScaling.map {
            .init(
                ropeType: "llama3", factor: $0.factor, lowFreqFactor: $0.lowFrequencyFactor,
                highFreqFactor: $0.highFrequencyFactor, originalMaxPositionEmbeddings: $0.originalContextLength)
        }
        // Families with biases always have them, and no key that says so.
        file.attentionBias = family.hasAttentionBias ? nil : false
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
    struct Rope: Codable {
        var ropeType: String?
        var type: String?
        var ropeTheta: Double?
        var factor, lowFreqFactor, highFreqFactor: Double?
        var originalMaxPositionEmbeddings: Int?
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
    var hiddenSize = 0
    var intermediateSize = 0
    var numHiddenLayers = 0
    var numAttentionHeads = 0
    var numKeyValueHeads, headDim: Int?
    var vocabSize = 0
    var maxPositionEmbeddings = 0
    var rmsNormEps = 0.0
    var ropeTheta: Double?
    var ropeScaling: Rope?
    var ropeParameters: RopeParameters?
    var attentionBias, tieWordEmbeddings, useSlidingWindow, useBidirectionalAttention: Bool?
    var slidingWindow, slidingWindowPattern, queryPreAttnScalar: Int?
    var layerTypes: [String]?
    var ropeLocalBaseFreq, attnLogitSoftcapping, finalLogitSoftcapping: Double?
    var hiddenAct, hiddenActivation: String?
}
