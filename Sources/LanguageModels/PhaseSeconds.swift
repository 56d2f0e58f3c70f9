/// Where a model's time goes, in seconds.
public struct PhaseSeconds: Codable, Hashable, Sendable {
    /// Products with weights, the head included.
    public var products = 0.0
    /// Attention, with the rotations and norms that its kernel does.
    public var attention = 0.0
    /// The rest of a forward pass: embeddings, norms, gates.
    public var rest = 0.0
    /// The choice of tokens, the grammar's masks included.
    public var sampling = 0.0
}
