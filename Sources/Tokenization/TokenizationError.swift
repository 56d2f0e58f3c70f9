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

    /// What is wrong with a JSON file, without the decoder's own words.
    package static func sentence(of error: any Error) -> String {
        func place(_ path: [any CodingKey]) -> String {
            let names = path.map { $0.intValue.map(String.init) ?? Self.fileName($0.stringValue) }
            return names.isEmpty ? "the file" : names.joined(separator: ".")
        }
        switch error as? DecodingError {
        case .keyNotFound(let key, let context)?:
            return "\(place(context.codingPath + [key])) is missing"
        case .typeMismatch(_, let context)?: return "\(place(context.codingPath)) has the wrong type"
        case .valueNotFound(_, let context)?: return "\(place(context.codingPath)) is null"
        case .dataCorrupted(let context)?:
            return context.codingPath.isEmpty ? "it is not valid JSON" : "\(place(context.codingPath)) can't be read"
        default: return "it can't be read"
        }
    }

    /// `hidden_size` of `hiddenSize`.
    private static func fileName(_ name: String) -> String {
        name.reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : String($1) }
    }
}
