import FoundationEssentials
public import Tensors

/// A Llama-type language model: Llama 2 and 3, SmolLM2, Qwen2, Qwen2.5, Qwen3 and Gemma 3.
///
/// One forward pass takes any number of segments, each a run of new tokens of one conversation with its own
/// ``KVCache``: prompts and single decoded tokens of several conversations share the matrix products, and one call
/// a layer does the attention of all.
///
/// Reference: Transformers, `modeling_llama.py`, `modeling_qwen2.py`, `modeling_qwen3.py` and `modeling_gemma3.py`;
/// weights carry their names.
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
        /// Factors for the normed numbers: for Gemma 1 more than the weights in its files.
        let norms: [NormModule: Tensor]
        let queryKeyValue, output, gateUp, down: Linear
        let query, key, value, gate, up: Linear
    }

    public let configuration: ModelConfiguration
    public let device: Device
    public let precision: Precision
    /// The element type of dense weights.
    public var dtype: DType { precision.dtype }
    let embeddings: Linear.Weight
    /// `[1]`, what embeddings are multiplied by (Gemma 3).
    private let embeddingScale: Tensor?
    let layers: [Layer]
    let norm: Tensor
    let head: Linear
    /// `[headWidth / 2]`, of layers that see all tokens, and of those with a sliding window.
    let inverseFrequencies: Tensor
    let slidingFrequencies: Tensor?
    let clock = PhaseClock()
    /// Whether the kernels for a CPU are used; activations are 32-bit floats then, whatever the weights are.
    private let usesKernels: Bool

    init(
        configuration: ModelConfiguration, weights: any WeightSource, adapter: LoRAAdapter?, device: Device,
        precision: Precision, quantizesProducts: Bool = false, allowsKernels: Bool = true
    ) throws {
        let usesKernels = allowsKernels && device == .cpu && Kernels.supports(headWidth: configuration.headWidth)
        let size = configuration.hiddenSize
        let queryWidth = configuration.headCount * configuration.headWidth
        let keyWidth = configuration.keyValueHeadCount * configuration.headWidth
        let isInt8 = precision == .int8 || quantizesProducts
        if isInt8, !usesKernels || size % 16 != 0 || configuration.intermediateSize % 16 != 0 {
            throw LanguageModelError(
                .unsupported,
                device == .cpu
                    ? "\(weights.path) has sizes that int8 does not support (heads and layers of multiples of 16)."
                    : "int8 runs on a CPU only; use bfloat16 on \(device).")
        }
        var loader = WeightLoader(weights: weights, adapter: adapter, device: device, precision: precision)
        let isGemma = configuration.family == .gemma3
        /// The factors of a norm, in the type of the activations.
        func norm(_ name: String, _ count: Int) throws -> Tensor {
            let weight = try loader.tensor(name, shape: [count])
            // Gemma adds 1 in 32-bit floats and keeps the sum there.
            if isGemma { return try weight.to(.float32, on: device) + 1 }
            return try weight.to(usesKernels ? .float32 : precision.dtype, on: device)
        }
        func linear(_ names: [(String, Int)], inputs: Int, bias: Bool = false) throws -> Linear {
            let biases = bias ? try names.map { try loader.tensor($0.0 + ".bias", shape: [$0.1]) } : []
            return try Linear(
                weight: loader.weight(names.map { ($0.0 + ".weight", $0.1) }, inputs: inputs),
                bias: bias ? Tensor.concatenated(biases, dimension: 0).to(precision.dtype, on: device) : nil,
                quantizes: quantizesProducts)
        }

        embeddings = try loader.weight(
            [("model.embed_tokens.weight", configuration.vocabularySize)], inputs: size)
        // Rounded to the weights' type, as Transformers does it.
        embeddingScale =
            isGemma
            ? try Tensor.full(Double(size).squareRoot(), shape: [1], dtype: precision.dtype, on: device)
                .to(usesKernels ? .float32 : precision.dtype) : nil
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
            var norms: [NormModule: Tensor] = [:]
            for module in NormModule.allCases {
                guard let name = module.name(in: configuration.family) else { continue }
                let isOfHeads = module == .query || module == .key
                norms[module] = try norm("\(prefix).\(name).weight", isOfHeads ? configuration.headWidth : size)
            }
            return Layer(
                norms: norms, queryKeyValue: queryKeyValue,
                output: try linear([("\(prefix).self_attn.o_proj", size)], inputs: queryWidth),
                gateUp: gateUp, down: try linear([("\(prefix).mlp.down_proj", size)], inputs: inner),
                query: try queryKeyValue.rows(0..<queryWidth),
                key: try queryKeyValue.rows(queryWidth..<queryWidth + keyWidth),
                value: try queryKeyValue.rows(queryWidth + keyWidth..<queryWidth + 2 * keyWidth),
                gate: try gateUp.rows(0..<inner), up: try gateUp.rows(inner..<2 * inner))
        }
        self.norm = try norm("model.norm.weight", size)
        head = try Linear(
            weight: configuration.tiesEmbeddings
                ? embeddings : loader.weight([("lm_head.weight", configuration.vocabularySize)], inputs: size),
            bias: nil)
        var frequencies = try Tensor(configuration.inverseFrequencies, shape: [configuration.headWidth / 2])
        // GGUF files hold Llama 3's scaling as a divisor for each frequency.
        if let divisors = try weights.weight("rope_freqs.weight") { frequencies = try frequencies / divisors }
        inverseFrequencies = try frequencies.to(.float32, on: device)
        slidingFrequencies = try configuration.slidingFrequencies.map {
            try Tensor($0, shape: [configuration.headWidth / 2]).to(.float32, on: device)
        }
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

    /// The embeddings of tokens, `[tokens, hidden]`, scaled where the model does so.
    func embed(_ tokens: [Int]) throws -> Tensor {
        guard tokens.allSatisfy({ (0..<configuration.vocabularySize).contains($0) }) else {
            throw LanguageModelError(.modelNotReadable, "A token id lies outside the model's vocabulary.")
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
            let input = try normed(hidden, layer.norms[.attentionInput])
            let qkv = try clock.measure(\.products) { try layer.queryKeyValue(input) }
            let mixed = try clock.measure(\.attention) { try attention(qkv, index) }
            hidden = try adding(layer.output, mixed, norm: layer.norms[.attentionOutput], to: hidden)
            let middle = try normed(hidden, layer.norms[.feedForwardInput])
            let inner = try gated(clock.measure(\.products) { try layer.gateUp(middle) })
            hidden = try adding(layer.down, inner, norm: layer.norms[.feedForwardOutput], to: hidden)
        }
        for segment in segments { segment.cache.advance(by: segment.tokens.count) }
        return hidden
    }

    /// The input where there is no norm.
    private func normed(_ input: Tensor, _ weight: Tensor?) throws -> Tensor {
        guard let weight else { return input }
        let epsilon = configuration.rmsNormEpsilon
        if usesKernels { return try input.fastRMSNorm(weight, epsilon: epsilon) }
        return try input.to(weight.dtype).rmsNorm(weight, epsilon: epsilon).to(input.dtype)
    }

    /// `residual` plus what a layer makes of `input`, normed where the model does so.
    private func adding(
        _ linear: Linear, _ input: Tensor, norm: Tensor?, to residual: Tensor
    ) throws -> Tensor {
        guard let norm else { return try clock.measure(\.products) { try linear(input, adding: residual) } }
        return try residual + normed(clock.measure(\.products) { try linear(input) }, norm)
    }

    private func gated(_ input: Tensor) throws -> Tensor {
        if usesKernels { return try input.gated(gelu: configuration.family == .gemma3) }
        let width = configuration.intermediateSize
        return try activation(input.narrowed(1, 0..<width)) * input.narrowed(1, width..<2 * width)
    }

    /// Of the feed-forward layers' gates.
    func activation(_ gate: Tensor) throws -> Tensor {
        try configuration.family == .gemma3 ? gate.gelu() : gate.silu()
    }

    /// Grouped-query attention of the new tokens of all segments, for every layer of one pass.
    private struct Attention {
        /// What layers with the same window share.
        struct Reach {
            let window: Int
            let rotation: Rotation
            /// Of each segment; none for the kernels.
            let masks: [Tensor?]
        }

        let model: CausalLM
        let segments: [Segment]
        let whole: Reach
        let sliding: Reach?
        /// For the kernels; nil without them.
        var table: PageTable?

        init(_ model: CausalLM, _ segments: [Segment]) throws {
            self.model = model
            self.segments = segments
            let positions = segments.flatMap { $0.cache.count..<$0.cache.count + $0.tokens.count }
            func reach(_ frequencies: Tensor, window: Int) throws -> Reach {
                Reach(
                    window: window,
                    rotation: try Rotation(
                        positions: positions, inverseFrequencies: frequencies,
                        dtype: model.usesKernels ? .float32 : model.dtype),
                    masks: model.usesKernels
                        ? [] : try segments.map { try Self.mask(for: $0, window: window, model) })
            }
            whole = try reach(model.inverseFrequencies, window: 0)
            sliding = try model.slidingFrequencies.map {
                try reach($0, window: model.configuration.slidingWindow?.length ?? 0)
            }
            if model.usesKernels {
                var table = PageTable()
                for segment in segments {
                    table.append(segment.cache.pages, held: segment.cache.count, new: segment.tokens.count)
                }
                self.table = table
            }
        }

        /// `qkv [tokens, (heads + 2 · keyHeads) · width]` to `[tokens, heads · width]`.
        func callAsFunction(_ qkv: Tensor, _ index: Int) throws -> Tensor {
            let configuration = model.configuration
            let (heads, shared) = (configuration.headCount, configuration.keyValueHeadCount)
            let (width, scale) = (configuration.headWidth, configuration.attentionScale)
            let reach = configuration.hasSlidingWindow(index) ? sliding ?? whole : whole
            let norms = model.layers[index].norms
            if let table {
                return try table.attention(
                    qkv, layer: index,
                    heads: .init(
                        count: heads, keyCount: shared, width: width, scale: scale, window: reach.window,
                        queryNorm: norms[.query], keyNorm: norms[.key], epsilon: configuration.rmsNormEpsilon),
                    cosine: reach.rotation.cosine, sine: reach.rotation.sine)
            }
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

        /// `[group · new, held + new]`; nil for a single token that sees all.
        private static func mask(for segment: Segment, window: Int, _ model: CausalLM) throws -> Tensor? {
            let (new, held) = (segment.tokens.count, segment.cache.count)
            guard new > 1 || window > 0 && held + new > window else { return nil }
            let group = model.configuration.headCount / model.configuration.keyValueHeadCount
            return try model.mask(held: held, new: new, window: window).repeated([group, 1])
        }
    }

    /// `[new, held + new]`: 0 where one of `new` tokens behind `held` others may look, -∞ elsewhere. With a `window` it
    /// sees that many tokens, itself included.
    func mask(held: Int, new: Int, window: Int) throws -> Tensor {
        let columns = try Tensor.range(0..<held + new, on: device).reshaped([1, held + new])
        func rows(shiftedBy shift: Int) throws -> Tensor {
            try Tensor.range(held + shift..<held + new + shift, on: device).reshaped([new, 1])
        }
        let open = try Tensor.full(0, shape: [1, 1], dtype: dtype, on: device)
        let mask = try open.kept(where: rows(shiftedBy: 0) .>= columns, otherwise: -Double.infinity)
        if window == 0 || held + new <= window { return mask }
        return try mask.kept(where: columns .>= rows(shiftedBy: 1 - window), otherwise: -Double.infinity)
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
    ///   - quantizesProducts: Whether training multiplies by the weights of the layers in 8-bit integers, of which it then
    ///     has copies; for a CPU.
    public convenience init(
        path: String, adapter: String? = nil, device: Device = .cpu, precision: Precision = .float32,
        quantizesProducts: Bool = false
    ) throws {
        let adapter = try adapter.map(LoRAAdapter.init(path:))
        let config = URL(filePath: path).appending(path: "config.json")
        if let json = try? Data(contentsOf: config) {
            let configuration = try ModelConfiguration(json: json, source: config.path(percentEncoded: false))
            try self.init(
                configuration: configuration, weights: SafetensorsFolder(path: path), adapter: adapter, device: device,
                precision: precision, quantizesProducts: quantizesProducts)
        } else {
            let file = try GGUFFile(path: path)
            let configuration = try ModelConfiguration(gguf: file)
            try self.init(
                configuration: configuration, weights: GGUFWeights(file: file, configuration: configuration),
                adapter: adapter, device: device, precision: precision, quantizesProducts: quantizesProducts)
        }
    }
}
