/// How a text is cut into words before the merges; no token crosses a cut.
public enum PreTokenizer: String, Hashable, Sendable, Codable, CaseIterable {
    /// SmolLM2: every digit alone, then GPT-2's pattern between the digits.
    case smollm
    /// Qwen2, Qwen2.5 and Qwen3: digits one by one, contractions in either case, NFC before all.
    case qwen2
    /// Llama 3: digits by threes, contractions in either case.
    case llama3
    /// Gemma: no cuts. Its vocabulary is SentencePiece's, with characters for tokens and not bytes.
    case gemma

    /// Nil for an unknown name.
    ///
    /// - Parameter name: GGUF's `tokenizer.ggml.pre`, which byte-level vocabularies have.
    public init?(gguf name: String) {
        guard let known = Self.allCases.first(where: { $0.ggufNames.contains(name) }) else { return nil }
        self = known
    }

    /// GGUF's names of it.
    private var ggufNames: [String] {
        switch self {
        case .smollm: ["smollm"]
        case .qwen2: ["qwen2"]
        case .llama3: ["llama-bpe", "llama-v3", "llama3"]
        case .gemma: []
        }
    }

    /// The spelling of the vocabulary's tokens.
    var alphabet: TokenAlphabet { self == .gemma ? .characters : .bytes }

    /// The pattern of one word, where `tokenizer.json` states it; nil elsewhere.
    var pattern: String? {
        switch self {
        case .smollm, .gemma: nil
        case .qwen2: Self.pattern(digits: #"\p{N}"#)
        case .llama3: Self.pattern(digits: #"\p{N}{1,3}"#)
        }
    }

    private static func pattern(digits: String) -> String {
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
            + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }
}
