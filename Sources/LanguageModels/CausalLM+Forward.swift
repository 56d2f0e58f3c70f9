public import Tensors

extension CausalLM {
    /// Reads the segments' tokens and returns the logits after the last tokens of each segment.
    ///
    /// - Parameters:
    ///   - allPositions: Whether the logits after every token are wanted.
    ///   - isAbandoned: Asked before each layer: whether nobody waits for the result any more.
    /// - Returns: `[positions, vocabulary]` in 32-bit floats.
    /// - Throws: ``LanguageModelError`` with `contextFull` for a conversation longer than the model's context;
    ///   `CancellationError` where the pass was abandoned, whose caches are as before.
    public func logits(
        _ segments: [Segment], allPositions: Bool = false, isAbandoned: () -> Bool = { false }
    ) throws -> Tensor {
        let start = ContinuousClock.now
        let before = clock.total
        defer {
            // The time that no other phase has measured.
            let now = clock.total
            let measured = now.products - before.products + now.attention - before.attention
            clock.add((ContinuousClock.now - start) / .seconds(1) - measured, to: \.rest)
        }
        var hidden = try hiddenStates(segments, isAbandoned)
        let counts = segments.map { allPositions ? $0.tokens.count : $0.outputCount }
        if counts != segments.map(\.tokens.count) {
            var rows: [Int] = []
            var end = 0
            for (segment, count) in zip(segments, counts) {
                end += segment.tokens.count
                rows += end - count..<end
            }
            hidden = try hidden.selected(0, Tensor(rows).to(.int64, on: device))
        }
        let states = try normed(hidden, norm)
        return try clock.measure(\.products) { try head(states).to(.float32) }
    }

    /// The residual stream after the last layer, `[tokens, hidden]`; the caches then hold the tokens.
    private func hiddenStates(_ segments: [Segment], _ isAbandoned: () -> Bool) throws -> Tensor {
        precondition(segments.allSatisfy { !$0.tokens.isEmpty }, "a segment needs a token")
        for segment in segments where segment.cache.count + segment.tokens.count > configuration.contextLength {
            throw LanguageModelError(
                .contextFull,
                "The conversation has \(segment.cache.count + segment.tokens.count) tokens, more than the model's "
                    + "context of \(configuration.contextLength).")
        }
        var hidden = try embed(segments.flatMap(\.tokens))
        for segment in segments { try segment.cache.reserve(segment.tokens.count) }
        let attention = try SegmentAttention(self, segments)
        for (index, layer) in layers.enumerated() {
            if isAbandoned() { throw CancellationError() }
            let input = try normed(hidden, layer.norms[.attentionInput])
            let qkv = try clock.measure(\.products) { try layer[.queryKeyValue](input) }
            let mixed = try clock.measure(\.attention) { try attention(qkv, index) }
            hidden = try adding(layer[.output], mixed, norm: layer.norms[.attentionOutput], to: hidden)
            let middle = try normed(hidden, layer.norms[.feedForwardInput])
            let inner = try gated(clock.measure(\.products) { try layer[.gateUp](middle) })
            hidden = try adding(layer[.down], inner, norm: layer.norms[.feedForwardOutput], to: hidden)
        }
        for segment in segments { segment.cache.advance(by: segment.tokens.count) }
        return hidden
    }

    /// The embeddings of tokens, `[tokens, hidden]`, scaled where the family does so.
    func embed(_ tokens: [Int]) throws -> Tensor {
        guard tokens.allSatisfy({ (0..<configuration.vocabularySize).contains($0) }) else {
            throw LanguageModelError(.tokenOutsideModel, "A token id lies outside the model's vocabulary.")
        }
        let rows: Tensor
        switch embeddings {
        case .dense(let table):
            rows = try table.selected(0, Tensor(tokens).to(.int64, on: device))
                .to(usesKernels ? .float32 : table.dtype)
        case .int8(let table): rows = try table.selected(tokens)
        }
        return try embeddingScale.map { try rows * $0 } ?? rows
    }

    /// The normed input; the input itself where there is no norm.
    func normed(_ input: Tensor, _ weight: Tensor?) throws -> Tensor {
        guard let weight else { return input }
        let epsilon = configuration.rmsNormEpsilon
        if usesKernels { return try input.fastRMSNorm(weight, epsilon: epsilon) }
        return try input.to(weight.dtype).rmsNorm(weight, epsilon: epsilon).to(input.dtype)
    }

    /// `residual` plus the layer's output, normed where the family does so.
    private func adding(
        _ linear: Linear, _ input: Tensor, norm: Tensor?, to residual: Tensor
    ) throws -> Tensor {
        guard let norm else { return try clock.measure(\.products) { try linear(input, adding: residual) } }
        return try residual + normed(clock.measure(\.products) { try linear(input) }, norm)
    }

    /// Of rows `[gate | up]` the activated gate times up, `[tokens, inner]`.
    private func gated(_ input: Tensor) throws -> Tensor {
        if usesKernels { return try input.gated(gelu: configuration.family.activation == .gelu) }
        let width = configuration.intermediateSize
        return try activation(input.narrowed(1, 0..<width)) * input.narrowed(1, width..<2 * width)
    }

    /// The family's activation.
    func activation(_ gate: Tensor) throws -> Tensor {
        switch configuration.family.activation {
        case .silu: try gate.silu()
        case .gelu: try gate.gelu()
        }
    }
}
