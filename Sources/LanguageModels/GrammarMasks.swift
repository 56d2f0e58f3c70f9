import Tensors
public import Tokenization

/// The tokens that grammars allow, for one tokenizer and one set of tokens that end an answer.
public final class GrammarMasks: Sendable {
    private let masks: TokenMasks
    private let ends: Set<Int>

    /// - Parameters:
    ///   - rows: The number of tokens that the model has logits for.
    ///   - stop: The condition that ``Generator`` had.
    public init(_ tokenizer: Tokenizer, rows: Int, stop: Generator.StopCondition) {
        masks = TokenMasks(tokenizer, rows: rows)
        ends = stop.ends(tokenizer).filter { $0 < rows }
    }

    func allowed(_ state: some ByteGrammar) -> [Int] { masks.mask(state, ends: ends).tokens }
}
