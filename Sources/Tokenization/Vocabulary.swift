/// What a token stands for. The raw values are GGUF's `tokenizer.ggml.token_type`.
public enum TokenKind: Int, Hashable, Sendable, Codable {
    /// A piece of text, in the byte-level alphabet (see ``ByteLevelAlphabet``) or, for Gemma, with `▁` for a space.
    case normal = 1
    case unknown
    /// Marks structure (`<|im_start|>`). Text becomes one only with ``Tokenizer/ControlTokens/parsed``.
    case control
    /// A plain-text marker (`<tool_call>`) that is one token wherever it stands in a text.
    case userDefined
    /// Fills the embedding table up; no text becomes one.
    case unused
    /// A byte of a character that is no token, `<0x0A>` (Gemma).
    case byte
}

/// How a text is cut into words before the merges; no token crosses a cut.
public enum PreTokenizer: String, Hashable, Sendable, Codable, CaseIterable {
    /// SmolLM2: every digit alone, then GPT-2's pattern between the digits.
    case smollm
    /// Qwen2 and Qwen2.5: digits one by one, contractions in either case, NFC before all.
    case qwen2
    /// Llama 3: digits by threes, contractions in either case.
    case llama3
    /// Gemma: nothing is cut. Its vocabulary is SentencePiece's, of characters and not of bytes.
    case gemma

    /// - Parameter gguf: GGUF's `tokenizer.ggml.pre`, of a byte-level vocabulary. Nil if the name is none of the three.
    public init?(gguf name: String) {
        switch name {
        case "smollm": self = .smollm
        case "qwen2": self = .qwen2
        case "llama-bpe", "llama-v3", "llama3": self = .llama3
        default: return nil
        }
    }
}

/// A BPE vocabulary as a model's file states it: plain values, nothing derived.
public struct Vocabulary: Hashable, Sendable {
    /// The token of each id: normal tokens in the vocabulary's alphabet, all others as plain text.
    public var tokens: [String]
    /// The kind of each id.
    public var kinds: [TokenKind]
    /// The merges, best first, each `"left right"` in the vocabulary's alphabet.
    public var merges: [String]
    public var preTokenizer: PreTokenizer
    public var bosID: Int?
    public var eosID: Int?
    /// Whether the model expects ``bosID`` before every text.
    public var addsBOS: Bool
    /// The model's Jinja chat template.
    public var chatTemplate: String?
    /// Whether a word that is a token is taken whole, without merging (Llama 3).
    public var ignoresMerges: Bool
    /// Whether text is normalised to NFC first (Qwen2).
    public var normalizesToNFC: Bool

    /// A vocabulary as GGUF holds a byte-level one, where the pre-tokenizer's name implies `ignoresMerges` and `normalizesToNFC`.
    public init(
        tokens: [String],
        kinds: [TokenKind],
        merges: [String],
        preTokenizer: PreTokenizer,
        bosID: Int?,
        eosID: Int?,
        addsBOS: Bool,
        chatTemplate: String?
    ) {
        self.tokens = tokens
        self.kinds = kinds
        self.merges = merges
        self.preTokenizer = preTokenizer
        self.bosID = bosID
        self.eosID = eosID
        self.addsBOS = addsBOS
        self.chatTemplate = chatTemplate
        ignoresMerges = preTokenizer == .llama3
        normalizesToNFC = preTokenizer == .qwen2
    }

    var alphabet: TokenAlphabet { preTokenizer == .gemma ? .characters : .bytes }
}
