import Tokenization

extension Generator {
    /// The tokens and texts that end an answer.
    public struct StopCondition: Sendable {
        /// Ids that end an answer.
        public var tokens: Set<Int>
        /// Strings that end it when they appear in the text, as UTF-8.
        public var strings: [[UInt8]]

        /// - Parameter strings: Texts that end an answer as soon as it contains one of them.
        public init(tokens: Set<Int>, strings: [String] = []) {
            self.tokens = tokens
            self.strings = strings.map { Array($0.utf8) }
        }

        /// The end tokens, and the stop strings that are one token.
        func ends(_ tokenizer: Tokenizer) -> Set<Int> {
            let texts = strings.map { tokenizer.encode(String(decoding: $0, as: UTF8.self)) }
            return tokens.union(texts.compactMap { $0.count == 1 ? $0[0] : nil })
        }
    }
}
