import Tensors
public import Tokenization

/// What sampled tokens were drawn from: the model's distribution at a temperature, among the tokens that a grammar
/// allowed in each place. Training on them needs their log-probabilities under the same.
public struct TokenDistribution {
    public var temperature: Double
    /// For each learned token of a pass the grammar's state before it; nil where anything could be written, and empty
    /// where this holds for all.
    public var states: [(any ByteGrammar)?]
    private let masks: GrammarMasks?

    public init(temperature: Double = 1, states: [(any ByteGrammar)?] = [], masks: GrammarMasks? = nil) {
        self.temperature = temperature
        self.states = states
        self.masks = masks
    }

    /// The logits `[range, vocabulary]` as they were drawn from.
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

/// The tokens that grammars allow, for one tokenizer and one set of tokens that end an answer.
public final class GrammarMasks: Sendable {
    private let masks: TokenMasks
    private let ends: Set<Int>

    /// - Parameter stop: What ended the answers, as ``Generator`` was told.
    public init(_ tokenizer: Tokenizer, stop: Generator.StopCondition) {
        masks = TokenMasks(tokenizer)
        ends = stop.ends(tokenizer)
    }

    func allowed(_ state: some ByteGrammar) -> [Int] { masks.mask(state, ends: ends).tokens }
}

extension ByteGrammar {
    /// The state before each of the tokens of an answer; nil for those behind its end.
    public func states(before tokens: [Int], _ tokenizer: Tokenizer) -> [(any ByteGrammar)?] {
        var state: Self? = self
        return tokens.map { token in
            defer { state = state?.advanced(by: tokenizer.bytes(of: token)) }
            return state
        }
    }
}
