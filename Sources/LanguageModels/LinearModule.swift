/// The linear layers of a transformer block, named as Hugging Face names them.
public enum LinearModule: String, CaseIterable, Hashable, Sendable, Codable {
    /// The projections into and out of attention.
    case query = "self_attn.q_proj"
    case key = "self_attn.k_proj"
    case value = "self_attn.v_proj"
    case output = "self_attn.o_proj"
    /// The projections of the feed-forward layers.
    case gate = "mlp.gate_proj"
    case up = "mlp.up_proj"
    case down = "mlp.down_proj"

    /// The layer's full name in a model.
    func name(layer: Int) -> String { "model.layers.\(layer).\(rawValue)" }

    /// The layer's name in a block of a GGUF file.
    var ggufName: String {
        switch self {
        case .query: "attn_q"
        case .key: "attn_k"
        case .value: "attn_v"
        case .output: "attn_output"
        case .gate: "ffn_gate"
        case .up: "ffn_up"
        case .down: "ffn_down"
        }
    }
}

extension ModelConfiguration {
    /// `(out, in)` of a linear layer's weight.
    func shape(of module: LinearModule) -> (out: Int, in: Int) {
        switch module {
        case .query: (queryWidth, hiddenSize)
        case .key, .value: (keyWidth, hiddenSize)
        case .output: (hiddenSize, queryWidth)
        case .gate, .up: (intermediateSize, hiddenSize)
        case .down: (hiddenSize, intermediateSize)
        }
    }
}
