import Foundation
public import Tensors

/// The loss of GRPO and PPO: `-min(r·A, clip(r, 1 - low, 1 + high)·A)` with the probability ratio `r` of the policy to the
/// one before the update (Schulman et al., arXiv 1707.06347).
public struct ClippedSurrogate: PolicyLoss, Hashable {
    public var low, high: Double

    public init(low: Double, high: Double) {
        self.low = low
        self.high = high
    }

    public var counted: [String] { ["clip_ratio/low_mean", "clip_ratio/high_mean"] }

    public func losses(_ logProbabilities: Tensor, _ tokens: PolicyTokens) throws -> PolicyLosses {
        let (least, greatest) = (Float(1 - low), Float(1 + high))
        var factors = [Float](repeating: 0, count: tokens.now.count)
        // A clipped token has a constant loss, and no gradient.
        var constants = factors
        var counts: [String: Double] = [:]
        for (index, advantage) in tokens.advantages.enumerated() {
            let (weight, ratio) = (tokens.weights[index], exp(tokens.now[index] - tokens.old[index]))
            if advantage > 0 && ratio > greatest {
                counts["clip_ratio/high_mean", default: 0] += 1
                constants[index] = -weight * advantage * greatest
            } else if advantage < 0 && ratio < least {
                counts["clip_ratio/low_mean", default: 0] += 1
                constants[index] = -weight * advantage * least
            } else {
                factors[index] = -weight * advantage
            }
        }
        func tensor(_ values: [Float]) throws -> Tensor {
            try Tensor(values, shape: [values.count]).to(.float32, on: logProbabilities.device)
        }
        let ratios = try (logProbabilities - tensor(tokens.old)).exp()
        return PolicyLosses(try ratios * tensor(factors) + tensor(constants), counts: counts)
    }
}
