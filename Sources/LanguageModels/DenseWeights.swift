import Tensors

/// The weights of a model in memory, under their names in its files.
struct DenseWeights: WeightSource {
    let model: CausalLM

    var path: String { "the model in memory" }

    func weight(_ name: String) throws -> Tensor? {
        switch name {
        case "model.embed_tokens.weight": return try dense(model.embeddings)
        case "model.norm.weight": return try stored(model.norm)
        case "lm_head.weight": return try model.configuration.tiesEmbeddings ? nil : dense(model.head.weight)
        case "rope_freqs.weight":
            return try Tensor(
                model.configuration.inverseFrequencies, shape: [model.configuration.headWidth / 2]
            )
            .to(.float32, on: model.device) / model.inverseFrequencies
        default: break
        }
        guard let place = BlockWeightName(name), model.layers.indices.contains(place.layer) else { return nil }
        let layer = model.layers[place.layer]
        if let norm = model.configuration.family.norm(named: place.module) {
            return try layer.norms[norm].map(stored)
        }
        guard let linear = LinearModule(rawValue: place.module).flatMap({ layer.modules[$0] }) else { return nil }
        return place.parameter == "bias" ? linear.bias : try dense(linear.weight)
    }

    /// A norm's weights as files hold them.
    private func stored(_ norm: Tensor) throws -> Tensor {
        let offset = model.configuration.family.normOffset
        return offset == 0 ? norm : try norm - offset
    }

    private func dense(_ weight: Linear.Weight) throws -> Tensor {
        guard case .dense(let dense) = weight else {
            throw LanguageModelError(.unsupported, "A model in int8 cannot be changed or written; load it in floats.")
        }
        return dense
    }
}

extension CausalLM {
    /// A copy of the model with an adapter merged into its weights.
    ///
    /// - Parameter precision: The copy's precision; the model's when nil.
    /// - Throws: ``LanguageModelError`` for a model in int8, or an adapter of another model.
    public func merged(with adapter: LoRAAdapter, precision: Precision? = nil) throws -> CausalLM {
        try CausalLM(
            configuration: configuration, weights: DenseWeights(model: self), adapter: adapter, device: device,
            precision: precision ?? self.precision)
    }
}
