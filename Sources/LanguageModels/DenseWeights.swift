import Tensors

/// The weights of a model in memory, under their names in its files.
struct DenseWeights: WeightSource {
    let model: CausalLM

    var path: String { "the model in memory" }

    func weight(_ name: String) throws -> Tensor? {
        switch name {
        case "model.embed_tokens.weight": return model.embeddings
        case "model.norm.weight": return model.norm
        case "lm_head.weight": return model.head
        case "rope_freqs.weight":
            return try Tensor(
                model.configuration.inverseFrequencies, shape: [model.configuration.headWidth / 2]
            )
            .to(.float32, on: model.device) / model.inverseFrequencies
        default: break
        }
        // model.layers.N.MODULE.weight
        let parts = name.split(separator: ".")
        guard parts.count >= 5, let index = Int(parts[2]), model.layers.indices.contains(index) else { return nil }
        let layer = model.layers[index]
        let module = parts[3..<parts.count - 1].joined(separator: ".")
        if module == "input_layernorm" { return layer.inputNorm }
        if module == "post_attention_layernorm" { return layer.postAttentionNorm }
        guard let linear = LinearModule(rawValue: module).map({ layer[$0] }) else { return nil }
        return parts.last == "bias" ? linear.bias : linear.weight
    }
}

extension CausalLM {
    /// The same model with an adapter merged into its weights; what the adapter leaves alone is shared.
    public func merged(with adapter: LoRAAdapter) throws -> CausalLM {
        try CausalLM(
            configuration: configuration, weights: DenseWeights(model: self), adapter: adapter, device: device,
            dtype: dtype)
    }
}
