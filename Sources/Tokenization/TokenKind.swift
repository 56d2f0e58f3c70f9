/// The meaning of a token. The raw values are GGUF's `tokenizer.ggml.token_type`.
public enum TokenKind: Int, Hashable, Sendable, Codable {
    /// A piece of text, in the byte-level alphabet (see ``ByteLevelAlphabet``) or, for Gemma, with `▁` for a space.
    case normal = 1
    case unknown
    /// Marks structure (`<|im_start|>`). Text becomes one only with ``Tokenizer/ControlTokens/parsed``.
    case control
    /// A plain-text marker (`<tool_call>`) that is one token everywhere in a text.
    case userDefined
    /// Fills the embedding table up; no text becomes one.
    case unused
    /// A byte of a character that is no token, `<0x0A>` (Gemma).
    case byte
}
