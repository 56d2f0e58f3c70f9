import Tensors

extension ModelConfiguration {
    /// Reads a GGUF file's metadata.
    init(gguf: GGUFFile, families: [ModelFamily] = ModelFamily.all) throws {
        let name = gguf.string("general.architecture") ?? "an unnamed architecture"
        guard let family = families.first(where: { $0.name == name }) else {
            let known = families.map(\.name).joined(separator: ", ")
            throw LanguageModelError(
                .unsupported, "\(gguf.path) holds a model of the architecture \(name); supported are \(known).")
        }
        func integer(_ key: String) throws -> Int {
            guard let value = gguf.integer("\(name).\(key)"), (1...Self.largestSize).contains(value) else {
                throw LanguageModelError(
                    .modelNotReadable, "\(gguf.path) does not give \(name).\(key), or a number that is no size.")
            }
            return value
        }
        try Self.refuseUnknownKeys(gguf, family)
        guard let embedding = gguf.entries["token_embd.weight"], embedding.shape.count == 2 else {
            throw LanguageModelError(.modelNotReadable, "\(gguf.path) holds no token embeddings.")
        }
        self.init(
            family, hiddenSize: try integer("embedding_length"), headCount: try integer("attention.head_count"),
            headWidth: gguf.integer("\(name).attention.key_length"))
        intermediateSize = try integer("feed_forward_length")
        layerCount = try integer("block_count")
        let keyHeads = "\(name).attention.head_count_kv"
        if let counts = gguf.integers(keyHeads) {
            guard let first = counts.first, counts.allSatisfy({ $0 == first }) else {
                throw LanguageModelError(
                    .unsupported, "\(gguf.path) gives its layers different numbers of key heads (\(keyHeads)).")
            }
            keyValueHeadCount = first
        } else {
            keyValueHeadCount = gguf.integer(keyHeads) ?? headCount
        }
        vocabularySize = embedding.shape[0]
        contextLength = try integer("context_length")
        let epsilon = "\(name).attention.layer_norm_rms_epsilon"
        guard let number = gguf.number(epsilon) else {
            throw LanguageModelError(
                .modelNotReadable, "\(gguf.path) does not give \(epsilon); convert the model anew.")
        }
        rmsNormEpsilon = number
        ropeBase = gguf.number("\(name).rope.freq_base") ?? ropeBase
        ropeScaling = try Self.scaling(gguf, family, contextLength)
        tiesEmbeddings = gguf.entries["output.weight"] == nil
        if family.takesFeedForwardBias {
            // llama.cpp takes biases of a Llama where they are. The file may promise more layers than it has tensors.
            func hasBias(_ module: LinearModule) -> Bool {
                gguf.entries.keys.contains { $0.hasPrefix("blk.") && $0.hasSuffix(".\(module.ggufName).bias") }
            }
            for group: [LinearModule] in [[.query, .key, .value, .output], [.gate, .up, .down]]
            where group.contains(where: hasBias) {
                biasedModules.formUnion(group)
            }
        }
        if let defaults = family.slidingWindow {
            // Files state the pattern as a number or for each layer, or leave it out. Source: llama.cpp, llama-model.cpp.
            let pattern = "\(name).attention.sliding_window_pattern"
            slidingWindow = SlidingWindow(
                length: try integer("attention.sliding_window"),
                layers: gguf.integers(pattern)?.map { $0 != 0 }
                    ?? defaults.layers(layerCount, pattern: gguf.integer(pattern)),
                ropeBase: gguf.number("\(name).rope.freq_base_swa") ?? defaults.ropeBase)
        }
        try validate(source: gguf.path)
    }

    /// Refuses metadata of the architecture that llama.cpp may compute with and this reader does not.
    private static func refuseUnknownKeys(_ gguf: GGUFFile, _ family: ModelFamily) throws {
        let prefix = family.name + "."
        for (key, value) in gguf.metadata where key.hasPrefix(prefix) {
            let name = String(key.dropFirst(prefix.count))
            if knownKeys.contains(name) { continue }
            let isOff = value == .integer(0) || value == .bool(false) || value == .number(0)
            if isOff && switches.contains(name) || name == "attention.causal" && value == .bool(true) { continue }
            throw LanguageModelError(
                .unsupported,
                "\(gguf.path) has the metadata \(key), which is not known here and may change what the model computes.")
        }
        let width = gguf.integer(prefix + "attention.key_length")
        guard gguf.integer(prefix + "attention.value_length") ?? width ?? 0 == width ?? 0 else {
            throw LanguageModelError(.unsupported, "\(gguf.path) has values of another width than its keys.")
        }
        let hidden = gguf.integer(prefix + "embedding_length") ?? 0
        let turned = width ?? hidden / max(1, gguf.integer(prefix + "attention.head_count") ?? 1)
        guard gguf.integer(prefix + "rope.dimension_count") ?? turned == turned else {
            throw LanguageModelError(
                .unsupported,
                "\(gguf.path) turns a part of each head alone (rope.dimension_count), which is not supported.")
        }
        let window = gguf.integer(prefix + "attention.sliding_window") ?? 0
        guard
            family.slidingWindow != nil || window == 0
                || window >= gguf.integer(prefix + "context_length") ?? Int.max
        else {
            throw LanguageModelError(
                .unsupported,
                "\(gguf.path) asks for sliding-window attention, which \(family.name) does not have here.")
        }
    }

    /// Keys that switch something off by zero or false. Source: llama.cpp, llama-model.cpp.
    private static let switches: Set<String> = [
        "attention.clamp_kqv", "attention.max_alibi_bias", "attention.scale", "attention.temperature_length",
        "attn_logit_softcapping", "embedding_scale", "expert_count", "expert_feed_forward_length",
        "expert_gating_func", "expert_group_count", "expert_group_used_count", "expert_shared_count",
        "expert_shared_feed_forward_length", "expert_used_count", "expert_weights_norm", "expert_weights_scale",
        "final_logit_softcapping", "leading_dense_block_count", "logit_scale", "nextn_predict_layers", "pooling_type",
        "residual_scale", "rope.scaling.yarn_log_multiplier", "use_parallel_residual",
    ]

    private static let knownKeys: Set<String> = [
        "attention.head_count", "attention.head_count_kv", "attention.key_length", "attention.layer_norm_rms_epsilon",
        "attention.sliding_window", "attention.sliding_window_pattern", "attention.value_length", "block_count",
        "context_length", "embedding_length", "feed_forward_length", "rope.dimension_count", "rope.freq_base",
        "rope.freq_base_swa", "rope.scale_linear", "rope.scaling.factor", "rope.scaling.finetuned",
        "rope.scaling.original_context_length", "rope.scaling.type", "rope.scaling.attn_factor",
        "rope.scaling.yarn_beta_fast", "rope.scaling.yarn_beta_slow", "tensor_data_layout", "vocab_size",
    ]

    /// The stretching of the rotary frequencies, as llama.cpp reads it: linear where a factor has no type.
    private static func scaling(_ gguf: GGUFFile, _ family: ModelFamily, _ contextLength: Int) throws -> RopeScaling? {
        func number(_ key: String) throws -> Double? {
            guard let value = gguf.number("\(family.name).rope.\(key)") else { return nil }
            guard value.isFinite, value >= 0 else {
                throw LanguageModelError(
                    .modelNotReadable, "\(gguf.path) gives \(family.name).rope.\(key) as \(value).")
            }
            return value
        }
        let factor = try number("scaling.factor") ?? number("scale_linear") ?? 0
        switch gguf.string("\(family.name).rope.scaling.type") ?? "linear" {
        case "none": return nil
        case "linear": return factor == 0 || factor == 1 ? nil : .linear(factor: factor)
        case "yarn":
            guard factor > 0 else {
                throw LanguageModelError(.modelNotReadable, "\(gguf.path) scales RoPE by yarn without a factor.")
            }
            let original = gguf.integer("\(family.name).rope.scaling.original_context_length") ?? contextLength
            guard (1...largestSize).contains(original) else {
                throw LanguageModelError(.modelNotReadable, "\(gguf.path) gives an original context of \(original).")
            }
            return .yarn(
                .init(
                    factor: factor,
                    attentionFactor: RopeScaling.Yarn.attentionFactor(factor)
                        * (try number("scaling.attn_factor") ?? 1),
                    fast: try number("scaling.yarn_beta_fast") ?? 32, slow: try number("scaling.yarn_beta_slow") ?? 1,
                    originalContextLength: original))
        case let type:
            throw LanguageModelError(
                .unsupported, "\(gguf.path) uses the RoPE scaling \(type); supported are linear and yarn.")
        }
    }
}
