import Tensors

/// Grouped-query attention of the new tokens of all segments, for every layer of one pass.
struct SegmentAttention {
    private struct Reach {
        let window: Int
        let rotation: Rotation
        /// One for each segment; none for the kernels.
        let masks: [Tensor?]
    }

    private let model: CausalLM
    private let segments: [CausalLM.Segment]
    private let reaches: LayerReach<Reach>
    /// The pages for the kernels; nil without them.
    private let table: PageTable?

    init(_ model: CausalLM, _ segments: [CausalLM.Segment]) throws {
        self.model = model
        self.segments = segments
        let positions = segments.flatMap { $0.cache.count..<$0.cache.count + $0.tokens.count }
        reaches = try LayerReach(model) { frequencies, window in
            Reach(
                window: window,
                rotation: try Rotation(
                    positions: positions, inverseFrequencies: frequencies,
                    dtype: model.usesKernels ? .float32 : model.dtype),
                masks: model.usesKernels ? [] : try segments.map { try Self.mask(for: $0, window: window, model) })
        }
        guard model.usesKernels else {
            table = nil
            return
        }
        var table = PageTable()
        for segment in segments {
            table.append(segment.cache.pages, held: segment.cache.count, new: segment.tokens.count)
        }
        self.table = table
    }

    /// `qkv [tokens, (heads + 2 · keyHeads) · width]` to `[tokens, heads · width]`.
    func callAsFunction(_ qkv: Tensor, _ layer: Int) throws -> Tensor {
        let configuration = model.configuration
        guard let table else { return try byOperations(qkv, layer) }
        let (reach, norms) = (reaches[layer], model.layers[layer].norms)
        return try table.attention(
            qkv, layer: layer,
            heads: .init(
                count: configuration.headCount, keyCount: configuration.keyValueHeadCount,
                width: configuration.headWidth, scale: configuration.attentionScale, window: reach.window,
                queryNorm: norms[.query], keyNorm: norms[.key], epsilon: configuration.rmsNormEpsilon),
            cosine: reach.rotation.cosine, sine: reach.rotation.sine)
    }

    /// The same by libtorch's operations, on any device.
    private func byOperations(_ qkv: Tensor, _ layer: Int) throws -> Tensor {
        let configuration = model.configuration
        let (heads, shared) = (configuration.headCount, configuration.keyValueHeadCount)
        let width = configuration.headWidth
        let (reach, norms) = (reaches[layer], model.layers[layer].norms)
        let parts = try qkv.reshaped([-1, heads + 2 * shared, width])
        let query = try reach.rotation.apply(to: model.normed(parts.narrowed(1, 0..<heads), norms[.query]))
        let key = try reach.rotation.apply(
            to: model.normed(parts.narrowed(1, heads..<heads + shared), norms[.key]))
        let value = try parts.narrowed(1, heads + shared..<heads + 2 * shared)
        var start = 0
        var outputs: [Tensor] = []
        for (segment, mask) in zip(segments, reach.masks) {
            let count = segment.tokens.count
            let range = start..<start + count
            start += count
            let held = try segment.cache.write(
                key.narrowed(0, range).transposed(0, 1), value.narrowed(0, range).transposed(0, 1), layer: layer)
            // The queries that share a key head lie below one another, [1, shared, group · count, width], so that keys
            // and values need not be repeated for every head.
            let queries = try query.narrowed(0, range).transposed(0, 1)
                .reshaped([1, shared, heads / shared * count, width])
            let mixed = try queries.attention(
                key: held.keys.reshaped([1, shared, -1, width]),
                value: held.values.reshaped([1, shared, -1, width]), mask: mask, scale: configuration.attentionScale)
            outputs.append(
                try mixed.reshaped([heads, count, width]).transposed(0, 1).reshaped([count, heads * width]))
        }
        return outputs.count == 1 ? outputs[0] : try Tensor.concatenated(outputs, dimension: 0)
    }

    /// `[group · new, held + new]`; nil for a single token that sees all.
    private static func mask(for segment: CausalLM.Segment, window: Int, _ model: CausalLM) throws -> Tensor? {
        let (new, held) = (segment.tokens.count, segment.cache.count)
        guard new > 1 || window > 0 && held + new > window else { return nil }
        let group = model.configuration.headCount / model.configuration.keyValueHeadCount
        return try Tensor.causalMask(held: held, new: new, window: window, dtype: model.dtype, on: model.device)
            .repeated([group, 1])
    }
}
