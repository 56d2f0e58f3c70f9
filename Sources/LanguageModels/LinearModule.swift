/// The linear layers of a transformer block, named as Hugging Face names them.
public enum LinearModule: String, CaseIterable, Hashable, Sendable, Codable {
    case query = "self_attn.q_proj"
    case key = "self_attn.k_proj"
    case value = "self_attn.v_proj"
    case output = "self_attn.o_proj"
    case gate = "mlp.gate_proj"
    case up = "mlp.up_proj"
    case down = "mlp.down_proj"

    /// The layer's full name in a model.
    func name(layer: Int) -> String { "model.layers.\(layer).\(rawValue)" }

    /// The last part of its name, as PEFT's `target_modules` lists it.
    var shortName: String { String(rawValue.drop { $0 != "." }.dropFirst()) }
}

/// Linear layers that read the same input; their weights stand below one another.
enum LinearGroup: Int, CaseIterable {
    case queryKeyValue, output, gateUp, down

    var modules: [LinearModule] {
        switch self {
        case .queryKeyValue: [.query, .key, .value]
        case .output: [.output]
        case .gateUp: [.gate, .up]
        case .down: [.down]
        }
    }
}

extension ModelConfiguration {
    /// `(out, in)` of a linear layer's weight.
    func shape(of module: LinearModule) -> (out: Int, in: Int) {
        let queryWidth = headCount * headWidth
        let keyWidth = keyValueHeadCount * headWidth
        return switch module {
        case .query: (queryWidth, hiddenSize)
        case .key, .value: (keyWidth, hiddenSize)
        case .output: (hiddenSize, queryWidth)
        case .gate, .up: (intermediateSize, hiddenSize)
        case .down: (hiddenSize, intermediateSize)
        }
    }
}

extension CausalLM.Layer {
    subscript(module: LinearModule) -> Linear {
        switch module {
        case .query: query
        case .key: key
        case .value: value
        case .output: output
        case .gate: gate
        case .up: up
        case .down: down
        }
    }

    subscript(group: LinearGroup) -> Linear {
        switch group {
        case .queryKeyValue: queryKeyValue
        case .output: output
        case .gateUp: gateUp
        case .down: down
        }
    }
}
