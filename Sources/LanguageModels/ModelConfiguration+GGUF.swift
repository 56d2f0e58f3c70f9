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
            guard let value = gguf.integer("\(name).\(key)"), value > 0 else {
                throw LanguageModelError(.modelNotReadable, "\(gguf.path) does not give \(name).\(key).")
            }
            return value
        }
        guard let embedding = gguf.entries["token_embd.weight"], embedding.shape.count == 2 else {
            throw LanguageModelError(.modelNotReadable, "\(gguf.path) holds no token embeddings.")
        }
        if let type = gguf.string("\(name).rope.scaling.type"), type != "none" {
            throw LanguageModelError(
                .unsupported, "\(gguf.path) uses the RoPE scaling \(type), which is not supported.")
        }
        self.init(
            family, hiddenSize: try integer("embedding_length"), headCount: try integer("attention.head_count"),
            headWidth: gguf.integer("\(name).attention.key_length"))
        intermediateSize = try integer("feed_forward_length")
        layerCount = try integer("block_count")
        keyValueHeadCount = gguf.integer("\(name).attention.head_count_kv") ?? headCount
        vocabularySize = embedding.shape[0]
        contextLength = try integer("context_length")
        rmsNormEpsilon = gguf.number("\(name).attention.layer_norm_rms_epsilon") ?? rmsNormEpsilon
        ropeBase = gguf.number("\(name).rope.freq_base") ?? ropeBase
        tiesEmbeddings = gguf.entries["output.weight"] == nil
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
}
