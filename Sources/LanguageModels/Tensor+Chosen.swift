import Tensors

extension Tensor {
    /// A token for each row of logits `[n, vocabulary]`, and its log-probability, as ``choose(_:)`` defines them.
    func chosen(_ choices: [TokenChoice]) throws -> [(token: Int, logProbability: Float)] {
        if device == .cpu { return try choose(choices) }
        return try choices.enumerated().map { row, choice in
            try narrowed(0, row..<row + 1).reshaped([-1]).chosen(choice)
        }
    }

    /// The same for one row `[vocabulary]` by libtorch's operations, on any device.
    func chosen(_ choice: TokenChoice) throws -> (token: Int, logProbability: Float) {
        var logits = self
        if let allowed = choice.allowed { logits = try selected(0, Tensor(allowed.tokens).to(.int64, on: device)) }
        let isGreedy = choice.temperature <= 0
        let logProbabilities = try (isGreedy ? logits : logits / choice.temperature).logSoftmax(0)
        let place: Tensor
        if isGreedy {
            place = try logProbabilities.argmax(0, keepingDimension: true)
        } else if choice.topP < 1 {
            let (values, indices) = try logProbabilities.sortedDescending(0)
            let probabilities = try values.to(.float64).exp()
            // A token stays while the likelier ones have not reached top-p; the likeliest always stays.
            let before = try probabilities.cumulativeSum(0) - probabilities
            let kept = try probabilities.kept(where: before .< choice.topP, otherwise: 0)
            place = try indices.selected(0, kept.drawn(choice, likeliest: values.narrowed(0, 0..<1)))
        } else {
            let likeliest = try logProbabilities.maximum(0, keepingDimension: true)
            place = try logProbabilities.to(.float64).exp().drawn(choice, likeliest: likeliest)
        }
        let index = try place.integers()[0]
        let logProbability = try logProbabilities.gathered(0, place).floats()[0]
        return (choice.allowed?[index] ?? index, logProbability)
    }

    /// An index with a chance in proportion to these weights `[n]`, `[1]`; `likeliest` is the greatest log-probability.
    private func drawn(_ choice: TokenChoice, likeliest: Tensor) throws -> Tensor {
        var weights = self
        if choice.minP > 0 {
            let floor = try likeliest.to(.float64).exp() * choice.minP
            weights = try weights.kept(where: weights .>= floor, otherwise: 0)
        }
        let cumulative = try weights.cumulativeSum(0)
        let total = try cumulative.narrowed(0, weights.count - 1..<weights.count)
        return try cumulative.firstIndexAbove(total * choice.uniform)
    }
}
