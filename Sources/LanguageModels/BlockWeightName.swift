/// The name of a weight in a transformer block: `model.layers.N.MODULE.weight`.
struct BlockWeightName {
    let layer: Int
    /// For example `self_attn.q_proj`.
    let module: String
    /// `weight` or `bias`.
    let parameter: String

    /// Nil for a weight outside the blocks.
    init?(_ name: String) {
        let parts = name.split(separator: ".")
        guard parts.count >= 5, name.hasPrefix("model.layers."), let layer = Int(parts[2]) else { return nil }
        self.layer = layer
        module = parts[3..<parts.count - 1].joined(separator: ".")
        parameter = String(parts[parts.count - 1])
    }
}
