import Tensors

/// One forward pass over packed sequences, without caches.
struct PackedPass {
    private struct Reach {
        /// `[tokens, 1, width / 2]`
        let cosine, sine: Tensor
        /// The most tokens that a token sees, itself included; 0 for all.
        let window: Int
    }

    let model: CausalLM
    let lora: LoRAWeights?
    let distribution: TokenDistribution?
    let seed: UInt64?
    let parts: [PackedPart]
    let tokens: [Int]
    /// The positions whose next token is learned, and those tokens.
    let rows, targets: [Int]
    private let reaches: LayerReach<Reach>

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
        reaches = try LayerReach(model) { frequencies, window in
            let angles = try column * frequencies
            return Reach(
                cosine: try angles.cos().to(model.dtype), sine: try angles.sin().to(model.dtype), window: window)
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
            guard let lora else { return try group.modules.compactMap { try layer.modules[$0]?(input) } }
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
        if model.usesTrainingKernels {
            return try gate.gate(up, gelu: model.configuration.family.activation == .gelu)
        }
        return try model.activation(gate) * up
    }

    /// Causal grouped-query attention within each sequence, `[tokens, heads · width]`.
    private func attention(_ index: Int, query: Tensor, key: Tensor, value: Tensor) throws -> Tensor {
        let configuration = model.configuration
        let (reach, norms) = (reaches[index], model.layers[index].norms)
        let (heads, shared, width) = (configuration.headCount, configuration.keyValueHeadCount, configuration.headWidth)
        /// Queries or keys, normed where the family does so, turned to their positions.
        func turned(_ tensor: Tensor, _ heads: Int, _ norm: Tensor?) throws -> Tensor {
            try normed(tensor.reshaped([-1, heads, width]), norm).rotated(cosine: reach.cosine, sine: reach.sine)
        }
        let mixed = try turned(query, heads, norms[.query]).packedAttention(
            key: turned(key, shared, norms[.key]), value: value.reshaped([-1, shared, width]), parts: parts,
            window: reach.window, scale: configuration.attentionScale, usesKernel: model.usesTrainingKernels)
        return try mixed.reshaped([-1, heads * width])
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
