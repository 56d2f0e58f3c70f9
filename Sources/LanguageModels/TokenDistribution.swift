import Tensors

/// The distribution from which tokens were sampled: the model's at a temperature, among the tokens that a grammar allowed
/// in each place. Training on them needs their log-probabilities under the same distribution.
public struct TokenDistribution {
    /// The divisor of the logits; 1 for the model's own distribution.
    public var temperature: Double
    /// For each learned token of a pass the grammar's state before it; nil where all tokens were allowed, and empty where
    /// they were allowed everywhere.
    public var states: [(any ByteGrammar)?]
    private let masks: GrammarMasks?

    /// The model's own distribution, unless something else is said.
    public init(temperature: Double = 1, states: [(any ByteGrammar)?] = [], masks: GrammarMasks? = nil) {
        self.temperature = max(temperature, SamplingOptions.leastTemperature)
        self.states = states
        self.masks = masks
    }

    /// The logits `[range, vocabulary]` under this distribution.
    func restricted(_ logits: Tensor, _ range: Range<Int>) throws -> Tensor {
        let logits = temperature == 1 ? logits : try logits / temperature
        guard let masks, !states.isEmpty, states[range].contains(where: { $0 != nil }) else { return logits }
        let width = logits.shape[1]
        var offsets = [Float](repeating: 0, count: range.count * width)
        for (row, state) in states[range].enumerated() {
            guard let state else { continue }
            offsets.withUnsafeMutableBufferPointer { buffer in
                let line = buffer[row * width..<(row + 1) * width]
                let place = UnsafeMutableBufferPointer(rebasing: line)
                place.update(repeating: -.infinity)
                for token in masks.allowed(state) { place[token] = 0 }
            }
        }
        return try logits + Tensor(offsets, shape: [range.count, width]).to(.float32, on: logits.device)
    }
}
