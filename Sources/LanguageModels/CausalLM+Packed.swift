public import Tensors

/// Whole sequences side by side in one pass, without caches, for training and scoring.
///
/// No token sees a token of another sequence. The pass computes only the logits that are needed: with small models the
/// head is a quarter of all arithmetic, and few tokens carry a loss.
extension CausalLM {
    /// The log-probabilities `[learned]` of the learned tokens of all sequences in their order.
    ///
    /// - Parameter distribution: The distribution from which the tokens were sampled; the model's own when nil.
    /// - Throws: ``LanguageModelError`` for a model in int8 and for a sequence longer than the model's context.
    public func logProbabilities(
        _ sequences: [PackedSequence], lora: LoRAWeights? = nil, distribution: TokenDistribution? = nil
    ) throws -> Tensor {
        let pass = try PackedPass(self, sequences, lora: lora, distribution: distribution, seed: nil)
        let states = try pass.learnedStates(of: pass.run(0..<layers.count, pass.embeddings()))
        var parts: [Tensor] = []
        try pass.forEachChunk { range in
            parts.append(try pass.logProbabilities(states.narrowed(0, range), range))
        }
        return try parts.isEmpty ? Tensor([Float](), shape: [0]) : Tensor.concatenated(parts, dimension: 0)
    }

    /// Adds the gradients of an objective to ``LoRAWeights/gradients``.
    ///
    /// - Parameters:
    ///   - layersPerCheckpoint: The number of layers whose activations are held at once; the backward pass computes the
    ///     others again. Nil holds all.
    ///   - dropoutSeed: The seed of the adapter's dropout; nil for no dropout.
    ///   - distribution: The distribution from which the tokens were sampled; the model's own when nil.
    ///   - objective: Makes a scalar to minimise from the log-probabilities `[n]` of a run of learned tokens, and the
    ///     range of the run among all of them. It must be a sum over tokens: it gets one run at a time.
    /// - Returns: The objective's sum over all runs, and the log-probabilities `[learned]`.
    /// - Throws: ``LanguageModelError`` for a model in int8 and for a sequence longer than the model's context.
    public func backpropagate(
        _ sequences: [PackedSequence], lora: LoRAWeights, layersPerCheckpoint: Int? = nil, dropoutSeed: UInt64? = nil,
        distribution: TokenDistribution? = nil, objective: (Tensor, Range<Int>) throws -> Tensor
    ) throws -> (loss: Double, logProbabilities: [Float]) {
        let pass = try PackedPass(self, sequences, lora: lora, distribution: distribution, seed: dropoutSeed)
        guard !pass.rows.isEmpty else { return (0, []) }
        let size = max(1, layersPerCheckpoint ?? layers.count)
        let groups = stride(from: 0, to: layers.count, by: size).map { $0..<min($0 + size, layers.count) }
        var inputs = [try pass.embeddings()]
        for group in groups.dropLast() { inputs.append(try pass.run(group, inputs[inputs.count - 1])) }

        var loss = 0.0
        var logProbabilities: [Float] = []
        var gradient: Tensor?
        for (index, group) in groups.enumerated().reversed() {
            // The embeddings are not trained.
            let input = index == 0 ? inputs[0] : try inputs[index].leaf()
            if let gradient {
                let output = try recordingGradients { try pass.run(group, input) }
                try output.backward(gradient)
            } else {
                let states = try recordingGradients { try pass.learnedStates(of: pass.run(group, input)) }
                // The head's logits are large: one run of tokens at a time goes forward and backward.
                let leaf = try states.leaf()
                try pass.forEachChunk { range in
                    try recordingGradients {
                        let values = try pass.logProbabilities(leaf.narrowed(0, range), range)
                        let part = try objective(values, range)
                        try part.backward()
                        loss += Double(try part.floats()[0])
                        logProbabilities += try values.floats()
                    }
                }
                try states.backward(leaf.gradient())
            }
            gradient = index == 0 ? nil : try input.gradient()
        }
        return (loss, logProbabilities)
    }
}
