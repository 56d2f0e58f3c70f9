/// The shape of a LoRA adapter (Hu et al., arXiv 2106.09685), in PEFT's words.
public struct LoRAConfiguration: Hashable, Sendable, Codable {
    /// The inner width of each pair of matrices.
    public var rank: Int
    /// The adapter's product is scaled by `alpha / rank`.
    public var alpha: Double
    /// The probability with which training drops each input of the adapter; modules that read the same input drop the same
    /// elements.
    public var dropout: Double

    /// - Parameter dropout: From 0 to 1; 0 for none.
    public init(rank: Int = 16, alpha: Double = 32, dropout: Double = 0) {
        self.rank = rank
        self.alpha = alpha
        self.dropout = dropout
    }

    var scale: Double { alpha / Double(rank) }
}
