/// A BPE vocabulary as a model's file states it: plain values, nothing derived.
public struct Vocabulary: Hashable, Sendable {
    /// The token of each id: normal tokens in the vocabulary's alphabet, all others as plain text.
    public var tokens: [String]
    /// The kind of each id.
    public var kinds: [TokenKind]
    /// The merges, best first, each `"left right"` in the vocabulary's alphabet.
    public var merges: [String]
    /// How a text is cut into words before the merges.
    public var preTokenizer: PreTokenizer
    /// The token that begins a text; nil for none.
    public var bosID: Int?
    /// The token that ends a text; nil for none.
    public var eosID: Int?
    /// Other tokens that end an answer, as the model's files list them.
    public var otherEndIDs: [Int] = []
    /// Control tokens by their look that the model's file does not call special.
    var plainIDs: Set<Int> = []
    /// Whether the model expects ``bosID`` before every text.
    public var addsBOS: Bool
    /// Whether ``bosID`` begins a conversation too where the chat template does not write it, as llama.cpp does with a
    /// GGUF file; in a folder the template alone says so.
    public var addsBOSToChats = false
    /// The model's Jinja chat template.
    public var chatTemplate: String?
    /// Whether a word that is a token stays whole, without merges (Llama 3).
    public var ignoresMerges: Bool
    /// Whether text is normalised to NFC first (Qwen2).
    public var normalizesToNFC: Bool

    /// A byte-level vocabulary as GGUF holds it: the pre-tokenizer implies ``ignoresMerges`` and ``normalizesToNFC``.
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

    var alphabet: TokenAlphabet { preTokenizer.alphabet }
}
