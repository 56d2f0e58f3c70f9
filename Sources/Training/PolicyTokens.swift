/// The learned tokens of a pass, in order; all arrays have the same length.
public struct PolicyTokens: Sendable {
    /// Natural log-probabilities under the policy as it is, and as it was before the update's first step.
    public var now, old: [Float]
    /// How much more than expected each token's turn earned.
    public var advantages: [Float]
    /// What each token's loss must be multiplied by, so that the sum over all tokens of the update is the loss.
    public var weights: [Float]
}
