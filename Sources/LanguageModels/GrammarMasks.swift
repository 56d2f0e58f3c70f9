import Tensors
public import Tokenization

/// The tokens that grammars allow, for one tokenizer and one set of tokens that end an answer.
public final class GrammarMasks: Sendable {
    private let masks: TokenMasks
    private let ends: Set<Int>

    /// - Parameter stop: The condition that ``Generator`` had.
    public init(_ tokenizer: Tokenizer, stop: Generator.StopCondition) {
        masks = TokenMasks(tokenizer)
        ends = stop.ends(tokenizer)
    }

    func allowed(_ state: some ByteGrammar) -> [Int] { masks.mask(state, ends: ends).tokens }
}
