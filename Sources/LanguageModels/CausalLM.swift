import FoundationEssentials
public import Tensors

/// A Llama-type language model: Llama 2 and 3, SmolLM2, Qwen2 and Qwen2.5.
///
/// One forward pass takes any number of segments, each a run of new tokens of one conversation with its own
/// ``KVCache``: prompts and single decoded tokens of several conversations share the matrix products, which are
/// nearly all of the work; attention runs for each conversation alone.
///
/// Reference: Transformers, `modeling_llama.py` and `modeling_qwen2.py`; weights carry their names.
public final class CausalLM: Sendable {
    /// New tokens of one conversation.
    public struct Segment {
        public var tokens: [Int]
        public var cache: KVCache

        public init(tokens: [Int], cache: KVCache) {
            self.tokens = tokens
            self.cache = cache
        }
    }

    struct Layer {
        let inputNorm, postAttentionNorm: Tensor
        let query, key, value, output: Linear
        let gate, up, down: Linear
    }

    public let configuration: ModelConfiguration
    public let device: Device
    public let dtype: DType
    let embeddings: Tensor
    let layers: [Layer]
    let norm: Tensor
    let head: Tensor
    /// `[headWidth / 2]`
    let inverseFrequencies: Tensor

    init(
        configuration: ModelConfiguration, weights: any WeightSource, adapter: LoRAAdapter?, device: Device,
        dtype: DType
    ) throws {
        var adapted = 0
        func required(_ name: String, shape: [Int]) throws -> Tensor {
            guard let tensor = try weights.weight(name) else {
                throw LanguageModelError(.modelNotReadable, "\(weights.path) lacks the weights \(name).")
            }
            guard tensor.shape == shape else {
                throw LanguageModelError(
                    .modelNotReadable, "\(weights.path) holds \(name) as \(tensor.shape), expected \(shape).")
            }
            return try tensor.to(dtype, on: device)
        }
        func linear(_ name: String, _ inputs: Int, _ outputs: Int, bias: Bool = false) throws -> Linear {
            var weight = try required(name + ".weight", shape: [outputs, inputs])
            if let delta = try adapter?.delta(for: name, shape: [outputs, inputs]) {
                weight = try (weight.to(.float32) + delta.to(.float32, on: device)).to(dtype)
                adapted += 1
            }
            return Linear(weight: weight, bias: bias ? try required(name + ".bias", shape: [outputs]) : nil)
        }

        let size = configuration.hiddenSize
        let queryWidth = configuration.headCount * configuration.headWidth
        let keyWidth = configuration.keyValueHeadCount * configuration.headWidth
        let bias = configuration.hasAttentionBias
        embeddings = try required("model.embed_tokens.weight", shape: [configuration.vocabularySize, size])
        layers = try (0..<configuration.layerCount).map { index in
            let prefix = "model.layers.\(index)"
            return Layer(
                inputNorm: try required("\(prefix).input_layernorm.weight", shape: [size]),
                postAttentionNorm: try required("\(prefix).post_attention_layernorm.weight", shape: [size]),
                query: try linear("\(prefix).self_attn.q_proj", size, queryWidth, bias: bias),
                key: try linear("\(prefix).self_attn.k_proj", size, keyWidth, bias: bias),
                value: try linear("\(prefix).self_attn.v_proj", size, keyWidth, bias: bias),
                output: try linear("\(prefix).self_attn.o_proj", queryWidth, size),
                gate: try linear("\(prefix).mlp.gate_proj", size, configuration.intermediateSize),
                up: try linear("\(prefix).mlp.up_proj", size, configuration.intermediateSize),
                down: try linear("\(prefix).mlp.down_proj", configuration.intermediateSize, size))
        }
        norm = try required("model.norm.weight", shape: [size])
        head =
            configuration.tiesEmbeddings
            ? embeddings : try required("lm_head.weight", shape: [configuration.vocabularySize, size])
        var frequencies = try Tensor(configuration.inverseFrequencies, shape: [configuration.headWidth / 2])
        // GGUF files hold Llama 3's scaling as a divisor for each frequency.
        if let divisors = try weights.weight("rope_freqs.weight") { frequencies = try frequencies / divisors }
        inverseFrequencies = try frequencies.to(.float32, on: device)
        if let adapter, adapted != adapter.layers.count {
            throw LanguageModelError(
                .adapterMismatch,
                "\(adapter.path) was made for another model: \(adapter.layers.count - adapted) of its "
                    + "\(adapter.layers.count) layers do not exist in \(weights.path).")
        }
        self.configuration = configuration
        self.device = device
        self.dtype = dtype
    }

    public func makeCache() -> KVCache { KVCache(layerCount: layers.count) }

    /// Reads the segments' tokens and returns the logits `[positions, vocabulary]` in 32-bit floats that follow the
    /// last token of each segment, or with `allPositions` every token.
    public func logits(_ segments: [Segment], allPositions: Bool = false) throws -> Tensor {
        var hidden = try hiddenStates(segments)
        if !allPositions {
            var last: [Int] = []
            for segment in segments { last.append((last.last ?? -1) + segment.tokens.count) }
            hidden = try hidden.selected(0, Tensor(last).to(.int64, on: device))
        }
        return try hidden.rmsNorm(norm, epsilon: configuration.rmsNormEpsilon).linear(head).to(.float32)
    }

    /// The residual stream after the last layer, `[tokens, hidden]`; the caches then hold the tokens.
    private func hiddenStates(_ segments: [Segment]) throws -> Tensor {
        precondition(segments.allSatisfy { !$0.tokens.isEmpty }, "a segment needs a token")
        let tokens = segments.flatMap(\.tokens)
        guard tokens.allSatisfy({ (0..<configuration.vocabularySize).contains($0) }) else {
            throw LanguageModelError(.modelNotReadable, "A token id lies outside the model's vocabulary.")
        }
        for segment in segments where segment.cache.count + segment.tokens.count > configuration.contextLength {
            throw LanguageModelError(
                .contextFull,
                "The conversation has \(segment.cache.count + segment.tokens.count) tokens, more than the model's "
                    + "context of \(configuration.contextLength).")
        }
        let positions = segments.flatMap { $0.cache.count..<$0.cache.count + $0.tokens.count }
        let rotation = try Rotation(positions: positions, inverseFrequencies: inverseFrequencies, dtype: dtype)
        let masks = try segments.map { try mask(for: $0) }

        var hidden = try embeddings.selected(0, Tensor(tokens).to(.int64, on: device))
        for (index, layer) in layers.enumerated() {
            let input = try hidden.rmsNorm(layer.inputNorm, epsilon: configuration.rmsNormEpsilon)
            hidden = try hidden + attention(input, layer, index, segments, rotation, masks)
            let normed = try hidden.rmsNorm(layer.postAttentionNorm, epsilon: configuration.rmsNormEpsilon)
            hidden = try hidden + layer.down(layer.gate(normed).silu() * layer.up(normed))
        }
        for segment in segments { segment.cache.advance(by: segment.tokens.count) }
        return hidden
    }

    /// Grouped-query attention of `input [tokens, hidden]`.
    private func attention(
        _ input: Tensor, _ layer: Layer, _ index: Int, _ segments: [Segment], _ rotation: Rotation, _ masks: [Tensor?]
    ) throws -> Tensor {
        let (heads, shared, width) = (configuration.headCount, configuration.keyValueHeadCount, configuration.headWidth)
        let group = heads / shared
        let query = try rotation.apply(to: layer.query(input).reshaped([-1, heads, width]))
        let key = try rotation.apply(to: layer.key(input).reshaped([-1, shared, width]))
        let value = try layer.value(input).reshaped([-1, shared, width])

        var start = 0
        var outputs: [Tensor] = []
        for (segment, mask) in zip(segments, masks) {
            let count = segment.tokens.count
            let range = start..<start + count
            start += count
            let held = try segment.cache.write(
                key.narrowed(0, range).transposed(0, 1), value.narrowed(0, range).transposed(0, 1), layer: index)
            // The queries that share a key head stand below one another, [1, shared, group · count, width], so that
            // keys and values are read in place instead of being repeated for every head.
            let queries = try query.narrowed(0, range).transposed(0, 1).reshaped([1, shared, group * count, width])
            let mixed = try queries.attention(
                key: held.keys.reshaped([1, shared, -1, width]), value: held.values.reshaped([1, shared, -1, width]),
                mask: mask, scale: 1 / Double(width).squareRoot())
            outputs.append(
                try mixed.reshaped([heads, count, width]).transposed(0, 1).reshaped([count, heads * width]))
        }
        let joined = outputs.count == 1 ? outputs[0] : try Tensor.concatenated(outputs, dimension: 0)
        return try layer.output(joined)
    }

    /// `[group · new, held + new]`: 0 where a token may look, -∞ behind it; nil for a single token, which sees all.
    private func mask(for segment: Segment) throws -> Tensor? {
        let (new, held) = (segment.tokens.count, segment.cache.count)
        guard new > 1 else { return nil }
        let rows = try Tensor.range(held..<held + new, on: device).reshaped([new, 1])
        let columns = try Tensor.range(0..<held + new, on: device).reshaped([1, held + new])
        let open = try Tensor.full(0, shape: [1, 1], dtype: dtype, on: device)
        let mask = try open.kept(where: rows .>= columns, otherwise: -Double.infinity)
        return try mask.repeated([configuration.headCount / configuration.keyValueHeadCount, 1])
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
    ///   - dtype: 32-bit floats by default; bfloat16 pays on a GPU.
    public convenience init(
        path: String, adapter: String? = nil, device: Device = .cpu, dtype: DType = .float32
    ) throws {
        let adapter = try adapter.map(LoRAAdapter.init(path:))
        let config = URL(filePath: path).appending(path: "config.json")
        if let json = try? Data(contentsOf: config) {
            let configuration = try ModelConfiguration(json: json, source: config.path(percentEncoded: false))
            try self.init(
                configuration: configuration, weights: SafetensorsFolder(path: path), adapter: adapter, device: device,
                dtype: dtype)
        } else {
            let file = try GGUFFile(path: path)
            let configuration = try ModelConfiguration(gguf: file)
            try self.init(
                configuration: configuration, weights: GGUFWeights(file: file, configuration: configuration),
                adapter: adapter, device: device, dtype: dtype)
        }
    }
}
