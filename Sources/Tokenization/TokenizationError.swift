/// A fault in a vocabulary or a chat template, never in a text: every text can be encoded.
public struct TokenizationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of fault.
    public enum Code: Hashable, Sendable {
        /// The file is not the JSON that Hugging Face's `tokenizers` writes.
        case malformedFile
        /// The file asks for a step that this module does not have (another pre-tokenizer, model or normaliser).
        case unsupported
        /// The parts of the vocabulary contradict each other.
        case inconsistentVocabulary
        /// The chat template is of no known family, or its control tokens are missing.
        case unknownChatFormat
    }

    /// The kind of fault.
    public let code: Code
    /// What is wrong, where, and what to do.
    public let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
