import FoundationEssentials
import Tensors

/// Where a model's weights come from: tensors by their Hugging Face names.
protocol WeightSource {
    /// What error messages call it.
    var path: String { get }
    /// The tensor, or nil where the source has none of that name.
    func weight(_ name: String) throws -> Tensor?
    /// The same from top to bottom in pieces of some rows, so that a large one need not be held whole; none where the
    /// source has none of that name.
    func forEachPiece(of name: String, _ body: (Tensor) throws -> Void) throws
}

extension WeightSource {
    func forEachPiece(of name: String, _ body: (Tensor) throws -> Void) throws {
        if let whole = try weight(name) { try body(whole) }
    }
}

/// A GGUF file, with ggml's names and layout turned into Hugging Face's.
///
///     token_embd                 model.embed_tokens
///     output_norm, output        model.norm, lm_head
///     blk.N.attn_norm, ffn_norm  model.layers.N.input_layernorm, post_attention_layernorm
///     blk.N.attn_q/k/v/output    model.layers.N.self_attn.q/k/v/o_proj
///     blk.N.attn_q/k_norm        model.layers.N.self_attn.q/k_norm
///     blk.N.ffn_gate/up/down     model.layers.N.mlp.gate/up/down_proj
///
/// Gemma's files have four norms around attention and the feed-forward layers, and hold 1 more than Hugging Face's:
///
///     attn_norm, post_attention_norm  input_layernorm, post_attention_layernorm
///     ffn_norm, post_ffw_norm         pre_feedforward_layernorm, post_feedforward_layernorm
struct GGUFWeights: WeightSource {
    let file: GGUFFile
    let configuration: ModelConfiguration

    var path: String { file.path }

    private static let names = [
        "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
        "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
        "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    ]

    private static let gemmaNames = [
        "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
        "post_feedforward_layernorm": "post_ffw_norm",
    ]

    func weight(_ name: String) throws -> Tensor? {
        let tensor = try stored(name)
        let isGemmaNorm = configuration.family == .gemma3 && name.hasSuffix("norm.weight")
        return isGemmaNorm ? try tensor.map { try $0 - 1 } : tensor
    }

    /// The tensor as the file holds it.
    private func stored(_ name: String) throws -> Tensor? {
        switch name {
        case "model.embed_tokens.weight": return try file.tensor("token_embd.weight")
        case "model.norm.weight": return try file.tensor("output_norm.weight")
        case "rope_freqs.weight": return try file.tensor(name)
        case "lm_head.weight": return try file.tensor("output.weight")
        default: break
        }
        // model.layers.N.MODULE.weight
        let parts = name.split(separator: ".")
        guard parts.count >= 5, let parameter = parts.last else { return nil }
        let module = parts[3..<parts.count - 1].joined(separator: ".")
        let gemmaName = configuration.family == .gemma3 ? Self.gemmaNames[module] : nil
        guard let ggml = gemmaName ?? Self.names[module] else { return nil }
        guard let tensor = try file.tensor("blk.\(parts[2]).\(ggml).\(parameter)") else { return nil }
        guard configuration.family == .llama, ggml == "attn_q" || ggml == "attn_k" else { return tensor }
        // Llama's files hold q and k with the two halves of each head interleaved, for ggml's RoPE on neighbours.
        let shape = tensor.shape
        let heads = shape[0] / configuration.headWidth
        return try tensor.reshaped([heads, configuration.headWidth / 2, 2, -1]).transposed(1, 2).reshaped(shape)
    }
}

extension GGUFWeights {
    func forEachPiece(of name: String, _ body: (Tensor) throws -> Void) throws {
        switch name {
        case "model.embed_tokens.weight": try file.forEachPiece(of: "token_embd.weight", body)
        case "lm_head.weight": try file.forEachPiece(of: "output.weight", body)
        default: if let whole = try weight(name) { try body(whole) }
        }
    }
}

/// A Hugging Face folder: `model.safetensors`, or shards with `model.safetensors.index.json`.
struct SafetensorsFolder: WeightSource {
    let path: String
    private let files: [String: SafetensorsFile]
    private let shardOfWeight: [String: String]?

    init(path: String) throws {
        let folder = URL(filePath: path)
        func file(_ name: String) throws -> SafetensorsFile {
            try SafetensorsFile(path: folder.appending(path: name).path(percentEncoded: false))
        }
        self.path = path
        if let data = try? Data(contentsOf: folder.appending(path: "model.safetensors.index.json")) {
            struct Index: Decodable { let weightMap: [String: String] }
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            guard let index = try? decoder.decode(Index.self, from: data) else {
                throw LanguageModelError(
                    .modelNotReadable, "\(path)/model.safetensors.index.json is not an index of shards.")
            }
            for shard in Set(index.weightMap.values) where shard.contains("/") {
                throw LanguageModelError(
                    .modelNotReadable, "\(path)/model.safetensors.index.json names \(shard), outside the folder.")
            }
            files = try Dictionary(uniqueKeysWithValues: Set(index.weightMap.values).map { ($0, try file($0)) })
            shardOfWeight = index.weightMap
        } else {
            files = ["model.safetensors": try file("model.safetensors")]
            shardOfWeight = nil
        }
    }

    func weight(_ name: String) throws -> Tensor? {
        guard let shardOfWeight else { return try files["model.safetensors"]?.tensor(name) }
        guard let shard = shardOfWeight[name] else { return nil }
        return try files[shard]?.tensor(name)
    }
}
