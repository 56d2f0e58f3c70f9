import FoundationEssentials
public import Tensors

/// A Llama-type language model: Llama 2 and 3, SmolLM2, Qwen2 and Qwen2.5.
///
/// One forward pass takes any number of segments, each a run of new tokens of one conversation with its own
/// ``KVCache``: prompts and single decoded tokens of several conversations share the matrix products, and one call
/// a layer does the attention of all.
///
/// Reference: Transformers, `modeling_llama.py` and `modeling_qwen2.py`; weights carry their names.
public final class CausalLM: Sendable {
    /// New tokens of one conversation.
    public struct Segment {
        public var tokens: [Int]
        public var cache: KVCache
        /// How many of the last tokens the logits are wanted for.
        public var outputCount: Int

        public init(tokens: [Int], cache: KVCache, outputCount: Int = 1) {
            self.tokens = tokens
            self.cache = cache
            self.outputCount = outputCount
        }
    }

    /// Layers that read the same input are one product; `query`, `key` and the like are its parts.
    struct Layer {
        let inputNorm, postAttentionNorm: Tensor
        let queryKeyValue, output, gateUp, down: Linear
        let query, key, value, gate, up: Linear
    }

    public let configuration: ModelConfiguration
    public let device: Device
    public let precision: Precision
    /// The element type of dense weights.
    public var dtype: DType { precision.dtype }
    let embeddings: Linear.Weight
    let layers: [Layer]
    let norm: Tensor
    let head: Linear
    /// `[headWidth / 2]`
    let inverseFrequencies: Tensor
    let clock = PhaseClock()
    /// Whether the kernels for a CPU are used; activations are 32-bit floats then, whatever the weights are.
    private let usesKernels: Bool

    init(
        configuration: ModelConfiguration, weights: any WeightSource, adapter: LoRAAdapter?, device: Device,
        precision: Precision, allowsKernels: Bool = true
    ) throws {
        let usesKernels = allowsKernels && device == .cpu && Kernels.supports(headWidth: configuration.headWidth)
        let size = configuration.hiddenSize
        let queryWidth = configuration.headCount * configuration.headWidth
        let keyWidth = configuration.keyValueHeadCount * configuration.headWidth
        if precision == .int8, !usesKernels || configuration.intermediateSize % 16 != 0 {
            throw LanguageModelError(
                .unsupported,
                device == .cpu
                    ? "\(weights.path) has sizes that int8 does not support (heads and layers of multiples of 16)."
                    : "int8 runs on a CPU only; use bfloat16 on \(device).")
        }
        var loader = WeightLoader(weights: weights, adapter: adapter, device: device, precision: precision)
        /// Small vectors, in the type of the activations.
        func vector(_ name: String, _ count: Int) throws -> Tensor {
            try loader.tensor(name, shape: [count]).to(usesKernels ? .float32 : precision.dtype, on: device)
        }
        func linear(_ names: [(String, Int)], inputs: Int, bias: Bool = false) throws -> Linear {
            let biases = bias ? try names.map { try loader.tensor($0.0 + ".bias", shape: [$0.1]) } : []
            return Linear(
                weight: try loader.weight(names.map { ($0.0 + ".weight", $0.1) }, inputs: inputs),
                bias: bias ? try Tensor.concatenated(biases, dimension: 0).to(precision.dtype, on: device) : nil)
        }

        embeddings = try loader.weight(
            [("model.embed_tokens.weight", configuration.vocabularySize)], inputs: size)
        layers = try (0..<configuration.layerCount).map { index in
            let prefix = "model.layers.\(index)"
            let inner = configuration.intermediateSize
            let queryKeyValue = try linear(
                [
                    ("\(prefix).self_attn.q_proj", queryWidth), ("\(prefix).self_attn.k_proj", keyWidth),
                    ("\(prefix).self_attn.v_proj", keyWidth),
                ], inputs: size, bias: configuration.hasAttentionBias)
            let gateUp = try linear(
                [("\(prefix).mlp.gate_proj", inner), ("\(prefix).mlp.up_proj", inner)], inputs: size)
            return Layer(
                inputNorm: try vector("\(prefix).input_layernorm.weight", size),
                postAttentionNorm: try vector("\(prefix).post_attention_layernorm.weight", size),
                queryKeyValue: queryKeyValue,
                output: try linear([("\(prefix).self_attn.o_proj", size)], inputs: queryWidth),
                gateUp: gateUp, down: try linear([("\(prefix).mlp.down_proj", size)], inputs: inner),
                query: try queryKeyValue.rows(0..<queryWidth),
                key: try queryKeyValue.rows(queryWidth..<queryWidth + keyWidth),
                value: try queryKeyValue.rows(queryWidth + keyWidth..<queryWidth + 2 * keyWidth),
                gate: try gateUp.rows(0..<inner), up: try gateUp.rows(inner..<2 * inner))
        }
        norm = try vector("model.norm.weight", size)
        head = Linear(
            weight: configuration.tiesEmbeddings
                ? embeddings : try loader.weight([("lm_head.weight", configuration.vocabularySize)], inputs: size),
            bias: nil)
        var frequencies = try Tensor(configuration.inverseFrequencies, shape: [configuration.headWidth / 2])
        // GGUF files hold Llama 3's scaling as a divisor for each frequency.
        if let divisors = try weights.weight("rope_freqs.weight") { frequencies = try frequencies / divisors }
        inverseFrequencies = try frequencies.to(.float32, on: device)
        try loader.checkAdapter()
        self.configuration = configuration
        self.device = device
        self.precision = precision
        self.usesKernels = usesKernels
    }

    /// Where the time of all forward passes went. On a GPU, whose work is not waited for, it says little.
    public var phases: PhaseSeconds { clock.total }

    /// What the weights take in memory.
    public var weightByteCount: Int {
        let matrices = layers.flatMap { [$0.queryKeyValue, $0.output, $0.gateUp, $0.down] }.map(\.weight)
        return (matrices + [embeddings] + (configuration.tiesEmbeddings ? [] : [head.weight]))
            .reduce(0) { $0 + $1.byteCount }
    }

    public func makeCache() -> KVCache {
        let dtype: DType = !usesKernels ? precision.dtype : precision == .float32 ? .float32 : .float16
        return KVCache(
            .init(
                layerCount: layers.count, keyHeads: configuration.keyValueHeadCount, width: configuration.headWidth,
                dtype: dtype, device: device))
    }

    /// Reads the segments' tokens and returns the logits `[positions, vocabulary]` in 32-bit floats that follow the last
    /// tokens of each segment, or with `allPositions` every token.
    public func logits(_ segments: [Segment], allPositions: Bool = false) throws -> Tensor {
        let start = ContinuousClock.now
        let before = clock.total
        defer {
            // What was not measured on its own.
            let now = clock.total
            let measured = now.products - before.products + now.attention - before.attention
            clock.add((ContinuousClock.now - start) / .seconds(1) - measured, to: \.rest)
        }
        var hidden = try hiddenStates(segments)
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

    /// The embeddings of tokens, `[tokens, hidden]`.
    func embed(_ tokens: [Int]) throws -> Tensor {
        guard tokens.allSatisfy({ (0..<configuration.vocabularySize).contains($0) }) else {
            throw LanguageModelError(.modelNotReadable, "A token id lies outside the model's vocabulary.")
        }
        switch embeddings {
        case .dense(let table):
            let rows = try table.selected(0, Tensor(tokens).to(.int64, on: device))
            return usesKernels ? try rows.to(.float32) : rows
        case .int8(let table): return try table.selected(tokens)
        }
    }

    /// The residual stream after the last layer, `[tokens, hidden]`; the caches then hold the tokens.
    private func hiddenStates(_ segments: [Segment]) throws -> Tensor {
        precondition(segments.allSatisfy { !$0.tokens.isEmpty }, "a segment needs a token")
        for segment in segments where segment.cache.count + segment.tokens.count > configuration.contextLength {
            throw LanguageModelError(
                .contextFull,
                "The conversation has \(segment.cache.count + segment.tokens.count) tokens, more than the model's "
                    + "context of \(configuration.contextLength).")
        }
        var hidden = try embed(segments.flatMap(\.tokens))
        for segment in segments { try segment.cache.reserve(segment.tokens.count) }
        let attention = try Attention(self, segments)
        for (index, layer) in layers.enumerated() {
            let input = try normed(hidden, layer.inputNorm)
            let qkv = try clock.measure(\.products) { try layer.queryKeyValue(input) }
            let mixed = try clock.measure(\.attention) { try attention(qkv, index) }
            hidden = try clock.measure(\.products) { try layer.output(mixed, adding: hidden) }
            let middle = try normed(hidden, layer.postAttentionNorm)
            let inner = try gated(clock.measure(\.products) { try layer.gateUp(middle) })
            hidden = try clock.measure(\.products) { try layer.down(inner, adding: hidden) }
        }
        for segment in segments { segment.cache.advance(by: segment.tokens.count) }
        return hidden
    }

    private func normed(_ input: Tensor, _ weight: Tensor) throws -> Tensor {
        let epsilon = configuration.rmsNormEpsilon
        return usesKernels
            ? try input.fastRMSNorm(weight, epsilon: epsilon) : try input.rmsNorm(weight, epsilon: epsilon)
    }

    private func gated(_ input: Tensor) throws -> Tensor {
        if usesKernels { return try input.gated() }
        let width = configuration.intermediateSize
        return try input.narrowed(1, 0..<width).silu() * input.narrowed(1, width..<2 * width)
    }

    /// Grouped-query attention of the new tokens of all segments, for every layer of one pass.
    private struct Attention {
        let configuration: ModelConfiguration
        let segments: [Segment]
        let rotation: Rotation
        /// For the kernels; nil without them.
        var table: PageTable?
        var masks: [Tensor?] = []

        init(_ model: CausalLM, _ segments: [Segment]) throws {
            configuration = model.configuration
            self.segments = segments
            rotation = try Rotation(
                positions: segments.flatMap { $0.cache.count..<$0.cache.count + $0.tokens.count },
                inverseFrequencies: model.inverseFrequencies, dtype: model.usesKernels ? .float32 : model.dtype)
            if model.usesKernels {
                var table = PageTable()
                for segment in segments {
                    table.append(segment.cache.pages, held: segment.cache.count, new: segment.tokens.count)
                }
                self.table = table
            } else {
                masks = try segments.map { try mask(for: $0, dtype: model.dtype, device: model.device) }
            }
        }

        /// `qkv [tokens, (heads + 2 · keyHeads) · width]` to `[tokens, heads · width]`.
        func callAsFunction(_ qkv: Tensor, _ index: Int) throws -> Tensor {
            let (heads, shared) = (configuration.headCount, configuration.keyValueHeadCount)
            let width = configuration.headWidth
            let scale = 1 / Double(width).squareRoot()
            if let table {
                return try table.attention(
                    qkv, layer: index, heads: .init(count: heads, keyCount: shared, width: width, scale: scale),
                    cosine: rotation.cosine, sine: rotation.sine)
            }
            let parts = try qkv.reshaped([-1, heads + 2 * shared, width])
            let query = try rotation.apply(to: parts.narrowed(1, 0..<heads))
            let key = try rotation.apply(to: parts.narrowed(1, heads..<heads + shared))
            let value = try parts.narrowed(1, heads + shared..<heads + 2 * shared)
            var start = 0
            var outputs: [Tensor] = []
            for (segment, mask) in zip(segments, masks) {
                let count = segment.tokens.count
                let range = start..<start + count
                start += count
                let held = try segment.cache.write(
                    key.narrowed(0, range).transposed(0, 1), value.narrowed(0, range).transposed(0, 1), layer: index)
                // The queries that share a key head stand below one another, [1, shared, group · count, width], so that
                // keys and values need not be repeated for every head.
                let queries = try query.narrowed(0, range).transposed(0, 1)
                    .reshaped([1, shared, heads / shared * count, width])
                let mixed = try queries.attention(
                    key: held.keys.reshaped([1, shared, -1, width]),
                    value: held.values.reshaped([1, shared, -1, width]), mask: mask, scale: scale)
                outputs.append(
                    try mixed.reshaped([heads, count, width]).transposed(0, 1).reshaped([count, heads * width]))
            }
            return outputs.count == 1 ? outputs[0] : try Tensor.concatenated(outputs, dimension: 0)
        }

        /// `[group · new, held + new]`: 0 where a token may look, -∞ behind it; nil for a single token, which sees all.
        private func mask(for segment: Segment, dtype: DType, device: Device) throws -> Tensor? {
            let (new, held) = (segment.tokens.count, segment.cache.count)
            guard new > 1 else { return nil }
            let rows = try Tensor.range(held..<held + new, on: device).reshaped([new, 1])
            let columns = try Tensor.range(0..<held + new, on: device).reshaped([1, held + new])
            let open = try Tensor.full(0, shape: [1, 1], dtype: dtype, on: device)
            let mask = try open.kept(where: rows .>= columns, otherwise: -Double.infinity)
            return try mask.repeated([configuration.headCount / configuration.keyValueHeadCount, 1])
        }
    }
}

/// Rotary position embeddings in the half-split form: component i turns with component i + width / 2.
struct Rotation {
    /// `[tokens, 1, width]`
    let cosine, sine: Tensor

    init(positions: [Int], inverseFrequencies: Tensor, dtype: DType) throws {
        let device = inverseFrequencies.device
        let column = try Tensor(positions).to(.float32, on: device).reshaped([-1, 1, 1])
        let half = try column * inverseFrequencies
        let angles = try Tensor.concatenated([half, half], dimension: 2)
        cosine = try angles.cos().to(dtype)
        sine = try angles.sin().to(dtype)
    }

    /// Turns `[tokens, heads, width]`.
    func apply(to tensor: Tensor) throws -> Tensor {
        let width = tensor.shape[2]
        let first = try tensor.narrowed(2, 0..<width / 2)
        let second = try tensor.narrowed(2, width / 2..<width)
        let turned = try Tensor.concatenated([-second, first], dimension: 2)
        return try tensor * cosine + turned * sine
    }
}

extension CausalLM {
    /// Loads a model.
    ///
    /// - Parameters:
    ///   - path: A GGUF file, or a folder in the Hugging Face layout (`config.json`, safetensors).
    ///   - adapter: A PEFT folder, merged into the weights.
    public convenience init(
        path: String, adapter: String? = nil, device: Device = .cpu, precision: Precision = .float32
    ) throws {
        let adapter = try adapter.map(LoRAAdapter.init(path:))
        let config = URL(filePath: path).appending(path: "config.json")
        if let json = try? Data(contentsOf: config) {
            let configuration = try ModelConfiguration(json: json, source: config.path(percentEncoded: false))
            try self.init(
                configuration: configuration, weights: SafetensorsFolder(path: path), adapter: adapter, device: device,
                precision: precision)
        } else {
            let file = try GGUFFile(path: path)
            let configuration = try ModelConfiguration(gguf: file)
            try self.init(
                configuration: configuration, weights: GGUFWeights(file: file, configuration: configuration),
                adapter: adapter, device: device, precision: precision)
        }
    }
}
