public import Tensors

/// Whole sequences side by side in one pass, without caches: what training and scoring read.
///
/// No token sees one of another sequence. The logits are computed where they are needed only: with small models the
/// head is a quarter of all arithmetic, and few tokens carry a loss.
extension CausalLM {
    /// A sequence and where its tokens are learned.
    public struct PackedSequence: Hashable, Sendable {
        public var tokens: [Int]
        /// For each token whether it is predicted from those before it; the first never is.
        public var mask: [Bool]
        /// How many of its first tokens are those of the last sequence before it that shares none, and are not computed
        /// again; none of them is learned here.
        public var sharedCount: Int

        public init(tokens: [Int], mask: [Bool], sharedCount: Int = 0) {
            precondition(tokens.count == mask.count && !tokens.isEmpty)
            precondition(sharedCount < tokens.count && !mask[..<sharedCount].contains(true))
            self.tokens = tokens
            self.mask = mask
            self.sharedCount = sharedCount
            self.mask[0] = false
        }

        public var learnedCount: Int { mask.count { $0 } }
        /// The tokens that go through the model.
        public var computedCount: Int { tokens.count - sharedCount }
    }

    /// The log-probabilities `[learned]` of the masked tokens of all sequences in their order.
    ///
    /// - Parameter distribution: What the tokens were drawn from; the model's own distribution when nil.
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

    /// Adds the gradients of an objective to those of `lora`.
    ///
    /// - Parameters:
    ///   - layersPerCheckpoint: The layers whose activations are held at once; those of the others are computed again
    ///     on the way back. Nil holds all.
    ///   - dropoutSeed: For the adapter's dropout; nil for none.
    ///   - distribution: What the tokens were drawn from; the model's own distribution when nil.
    ///   - objective: Makes a scalar to be minimised of the log-probabilities `[n]` of a run of the masked tokens, and
    ///     the range of that run among all of them. Must be a sum over tokens: it is called for a run at a time.
    /// - Returns: the objective's sum over all runs, and the log-probabilities `[learned]`.
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
            // Nothing below the first layer is trained.
            let input = index == 0 ? inputs[0] : try inputs[index].leaf()
            if let gradient {
                let output = try recordingGradients { try pass.run(group, input) }
                try output.backward(gradient)
            } else {
                let states = try recordingGradients { try pass.learnedStates(of: pass.run(group, input)) }
                // The head's logits are large: a run of tokens at a time goes there and back.
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

/// One pass over packed sequences.
private struct PackedPass {
    /// What layers with the same window share.
    struct Reach {
        /// Of the rotary angles, `[tokens, 1, width / 2]`.
        var cosine, sine: Tensor
        /// With more than 0, how many tokens one can see.
        var window: Int
    }

    let model: CausalLM
    let lora: LoRAWeights?
    let distribution: TokenDistribution?
    let seed: UInt64?
    let parts: [PackedPart]
    let tokens: [Int]
    /// The positions whose next token is learned, and those tokens.
    let rows, targets: [Int]
    let whole: Reach
    let sliding: Reach?

    init(
        _ model: CausalLM, _ sequences: [CausalLM.PackedSequence], lora: LoRAWeights?,
        distribution: TokenDistribution?, seed: UInt64?
    ) throws {
        self.model = model
        guard model.precision != .int8 else {
            throw LanguageModelError(.unsupported, "A model in int8 cannot be trained; load it in floats.")
        }
        self.lora = lora
        self.distribution = distribution
        self.seed = seed
        let longest = sequences.map(\.tokens.count).max() ?? 0
        guard longest <= model.configuration.contextLength else {
            throw LanguageModelError(
                .contextFull,
                "A sequence has \(longest) tokens, more than the model's context of "
                    + "\(model.configuration.contextLength).")
        }
        var parts: [PackedPart] = []
        var tokens: [Int] = []
        var positions: [Int] = []
        var rows: [Int] = []
        var targets: [Int] = []
        /// Where the sequence that others share begins.
        var base = 0
        for sequence in sequences {
            let (start, shared) = (tokens.count, sequence.sharedCount)
            if shared == 0 { base = start }
            tokens += sequence.tokens[shared...]
            positions += shared..<sequence.tokens.count
            parts.append(PackedPart(range: start..<tokens.count, shared: base..<base + shared))
            for place in sequence.mask.indices where sequence.mask[place] {
                rows.append(place == shared ? base + place - 1 : start + place - 1 - shared)
                targets.append(sequence.tokens[place])
            }
        }
        (self.parts, self.tokens, self.rows, self.targets) = (parts, tokens, rows, targets)
        let column = try Tensor(positions).to(.float32, on: model.device).reshaped([-1, 1, 1])
        func reach(_ frequencies: Tensor, window: Int) throws -> Reach {
            let angles = try column * frequencies
            return Reach(
                cosine: try angles.cos().to(model.dtype), sine: try angles.sin().to(model.dtype), window: window)
        }
        whole = try reach(model.inverseFrequencies, window: 0)
        sliding = try model.slidingFrequencies.map {
            try reach($0, window: model.configuration.slidingWindow?.length ?? 0)
        }
    }

    /// `[tokens, hidden]`; the residual stream is kept in 32-bit floats whatever the weights are.
    func embeddings() throws -> Tensor {
        try model.embed(tokens).to(.float32)
    }

    /// `[tokens, hidden]`, after the last layer `[learned, hidden]`.
    func run(_ layers: Range<Int>, _ input: Tensor) throws -> Tensor {
        var hidden = input
        for index in layers { hidden = try run(index, hidden) }
        return hidden
    }

    private func run(_ index: Int, _ hidden: Tensor) throws -> Tensor {
        let layer = model.layers[index]
        func linear(_ group: LinearGroup, _ input: Tensor) throws -> [Tensor] {
            guard let lora else { return try group.modules.map { try layer[$0](input) } }
            // Never without the adapter unnoticed.
            guard let frozen = layer[group].frozen else { preconditionFailure("int8 alone is refused in init") }
            var dropped: Tensor?
            if let seed, lora.configuration.dropout > 0 {
                var random = SplitMix64(
                    state: seed &+ UInt64(index * LinearGroup.allCases.count) + UInt64(group.rawValue))
                dropped = try input.dropout(lora.configuration.dropout, seed: random.next())
            }
            return try lora.adapted(
                group, layer: index, frozen: frozen, bias: layer[group].bias, input, dropped: dropped)
        }
        let read = try normed(hidden, layer.norms[.attentionInput])
        var residual = hidden
        let heads = try linear(.queryKeyValue, read)
        var mixed = try attention(index, query: heads[0], key: heads[1], value: heads[2])
        if index == model.layers.count - 1 {
            // No other token of the last layer is looked at any more.
            let learned = try Tensor(rows).to(.int64, on: model.device)
            residual = try residual.selected(0, learned)
            mixed = try mixed.selected(0, learned)
        }
        let middle = try residual + normed(linear(.output, mixed)[0], layer.norms[.attentionOutput])
        let input = try normed(middle, layer.norms[.feedForwardInput])
        let gateUp = try linear(.gateUp, input)
        let inner = try gated(gateUp[0], gateUp[1])
        return try middle + normed(linear(.down, inner)[0], layer.norms[.feedForwardOutput])
    }

    /// Normed in 32-bit floats; the input where there is no norm.
    private func normed(_ input: Tensor, _ weight: Tensor?) throws -> Tensor {
        guard let weight else { return input }
        return try input.to(.float32)
            .rmsNorm(weight.to(.float32), epsilon: model.configuration.rmsNormEpsilon, as: model.dtype)
    }

    private func gated(_ gate: Tensor, _ up: Tensor) throws -> Tensor {
        if model.device == .cpu { return try gate.gate(up, gelu: model.configuration.family == .gemma3) }
        return try model.activation(gate) * up
    }

    /// Causal grouped-query attention within each sequence, `[tokens, heads · width]`.
    private func attention(_ index: Int, query: Tensor, key: Tensor, value: Tensor) throws -> Tensor {
        let configuration = model.configuration
        let reach = configuration.hasSlidingWindow(index) ? sliding ?? whole : whole
        let norms = model.layers[index].norms
        let (heads, shared, width) = (configuration.headCount, configuration.keyValueHeadCount, configuration.headWidth)
        /// Queries or keys, normed where the model does so, turned to their positions.
        func turned(_ tensor: Tensor, _ heads: Int, _ norm: Tensor?) throws -> Tensor {
            try normed(tensor.reshaped([-1, heads, width]), norm).rotated(cosine: reach.cosine, sine: reach.sine)
        }
        let queries = try turned(query, heads, norms[.query])
        let keys = try turned(key, shared, norms[.key])
        let values = try value.reshaped([-1, shared, width])
        if model.device == .cpu {
            let mixed = try queries.packedAttention(
                key: keys, value: values, parts: parts, window: reach.window, scale: configuration.attentionScale)
            return try mixed.reshaped([-1, heads * width])
        }
        /// `[tokens, shared, width]` with each head repeated for the queries that share it.
        func spread(_ tensor: Tensor) throws -> Tensor {
            if heads == shared { return tensor }
            return try tensor.reshaped([-1, shared, 1, width]).repeated([1, 1, heads / shared, 1])
                .reshaped([-1, heads, width])
        }
        let (allKeys, allValues) = (try spread(keys), try spread(values))
        let outputs = try parts.map { part in
            let (held, new) = (part.shared.count, part.range.count)
            let isPlain = held == 0 && (reach.window == 0 || new <= reach.window)
            let mask = isPlain ? nil : try model.mask(held: held, new: new, window: reach.window)
            func rows(_ tensor: Tensor, _ range: Range<Int>) throws -> Tensor {
                try tensor.narrowed(0, range).transposed(0, 1).reshaped([1, heads, range.count, width])
            }
            /// What the part shares, and its own.
            func seen(_ tensor: Tensor) throws -> Tensor {
                let own = try rows(tensor, part.range)
                if part.shared.isEmpty { return own }
                return try Tensor.concatenated([rows(tensor, part.shared), own], dimension: 2)
            }
            let mixed = try rows(queries, part.range).attention(
                key: seen(allKeys), value: seen(allValues), mask: mask, isCausal: isPlain,
                scale: configuration.attentionScale)
            return try mixed.transposed(1, 2).reshaped([part.range.count, heads * width])
        }
        return outputs.count == 1 ? outputs[0] : try Tensor.concatenated(outputs, dimension: 0)
    }

    /// The normed states `[learned, hidden]` from which the learned tokens are predicted.
    func learnedStates(of hidden: Tensor) throws -> Tensor {
        try normed(hidden, model.norm)
    }

    /// Runs of learned tokens whose logits fit into 64 MB.
    func forEachChunk(_ body: (Range<Int>) throws -> Void) throws {
        let size = max(16, (16 << 20) / model.configuration.vocabularySize)
        for start in stride(from: 0, to: rows.count, by: size) { try body(start..<min(start + size, rows.count)) }
    }

    /// `[range]`, of the targets in `range`.
    func logProbabilities(_ states: Tensor, _ range: Range<Int>) throws -> Tensor {
        let index = try Tensor(Array(targets[range])).to(.int64, on: model.device).reshaped([-1, 1])
        var logits = try model.head(states).to(.float32)
        if let distribution { logits = try distribution.restricted(logits, range) }
        return try logits.logSoftmax(1).gathered(1, index).reshaped([-1])
    }
}
