import Tensors

/// The weights of a model in memory, under their names in its files.
struct DenseWeights: WeightSource {
    let model: CausalLM

    var path: String { "the model in memory" }

    func weight(_ name: String) throws -> Tensor? {
        switch name {
        case "model.embed_tokens.weight": return try dense(model.embeddings)
        case "model.norm.weight": return try stored(model.norm)
        case "lm_head.weight": return try dense(model.head.weight)
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
        let family = model.configuration.family
        if let norm = NormModule.allCases.first(where: { $0.name(in: family) == module }) {
            return try layer.norms[norm].map(stored)
        }
        guard let linear = LinearModule(rawValue: module).map({ layer[$0] }) else { return nil }
        return parts.last == "bias" ? linear.bias : try dense(linear.weight)
    }

    /// A norm's weights as files hold them.
    private func stored(_ norm: Tensor) throws -> Tensor {
        try model.configuration.family == .gemma3 ? norm - 1 : norm
    }

    private func dense(_ weight: Linear.Weight) throws -> Tensor {
        guard case .dense(let dense) = weight else {
            throw LanguageModelError(.unsupported, "A model in int8 cannot be changed or written; load it in floats.")
        }
        return dense
    }
}

extension CausalLM {
    /// The same model with an adapter merged into its weights, in this or another precision.
    public func merged(with adapter: LoRAAdapter, precision: Precision? = nil) throws -> CausalLM {
        try CausalLM(
            configuration: configuration, weights: DenseWeights(model: self), adapter: adapter, device: device,
            precision: precision ?? self.precision)
    }
}
