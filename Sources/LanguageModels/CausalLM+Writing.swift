public import FoundationEssentials
public import Tensors
public import Tokenization

extension CausalLM {
    /// Writes the model as a folder that Transformers loads: configuration, weights and tokenizer.
    ///
    /// - Parameter dtype: The element type of the weights in the file.
    /// - Throws: ``LanguageModelError`` with `unsupported` for a model in int8, and for rotary frequencies that only a
    ///   GGUF file can state.
    public func write(to folder: URL, tokenizer: Tokenizer, dtype: DType = .float32) throws {
        let source = DenseWeights(model: self)
        if let divisors = try source.weight("rope_freqs.weight"),
            try divisors.floats().contains(where: { abs($0 - 1) > 1e-3 })
        {
            throw LanguageModelError(
                .unsupported,
                "The model's rotary frequencies come from its GGUF file alone, and config.json cannot state them; "
                    + "take the model's Hugging Face folder.")
        }
        var names = ["model.embed_tokens.weight", "model.norm.weight"]
        if !configuration.tiesEmbeddings { names.append("lm_head.weight") }
        for layer in 0..<configuration.layerCount {
            names += configuration.family.norms.values.map { "model.layers.\(layer).\($0.huggingFace).weight" }
            for module in LinearModule.allCases {
                names += ["weight", "bias"].map { "\(module.name(layer: layer)).\($0)" }
            }
        }
        var tensors: [String: Tensor] = [:]
        for name in names {
            if let tensor = try source.weight(name) { tensors[name] = try tensor.to(dtype, on: .cpu) }
        }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let kind = dtype == .float16 ? "float16" : dtype == .bfloat16 ? "bfloat16" : "float32"
        try configuration.json(dtype: kind).write(to: folder.appending(path: "config.json"), options: .atomic)
        try tokenizer.vocabulary.tokenizerJSON().write(
            to: folder.appending(path: "tokenizer.json"), options: .atomic)
        try tokenizer.vocabulary.tokenizerConfiguration(contextLength: configuration.contextLength).write(
            to: folder.appending(path: "tokenizer_config.json"), options: .atomic)
        let ends = Set([tokenizer.vocabulary.eosID].compactMap { $0 } + tokenizer.vocabulary.otherEndIDs).sorted()
        if !ends.isEmpty {
            try JSONEncoder().encode(["eos_token_id": ends]).write(
                to: folder.appending(path: "generation_config.json"), options: .atomic)
        }
        // Last: with it the folder is a model.
        try SafetensorsFile.write(tensors, to: folder.appending(path: "model.safetensors"))
    }
}
