public import Tensors

/// How an update learns from tokens with advantages. Another algorithm is a type of this protocol in one file, given to
/// ``GRPO/loss``; the rest of the loop stays.
public protocol PolicyLoss: Sendable {
    /// The names of what ``losses(_:_:)`` counts; each is a metric of every step.
    var counted: [String] { get }

    /// The loss of each token; the learner adds them up.
    ///
    /// - Parameters:
    ///   - logProbabilities: `[tokens]`, natural logarithms under the policy as it is; gradients flow through them.
    ///   - tokens: what is known about the same tokens.
    func losses(_ logProbabilities: Tensor, _ tokens: PolicyTokens) throws -> PolicyLosses
}
