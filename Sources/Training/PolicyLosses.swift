public import Tensors

/// What a ``PolicyLoss`` gives.
public struct PolicyLosses {
    /// `[tokens]`, each multiplied by its weight.
    public var losses: Tensor
    /// What is counted over the tokens, by the metric's name; the metric is the mean over all tokens.
    public var counts: [String: Double]

    public init(_ losses: Tensor, counts: [String: Double] = [:]) {
        self.losses = losses
        self.counts = counts
    }
}
