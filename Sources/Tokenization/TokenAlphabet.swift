/// The spelling of a vocabulary's tokens, and the symbols of a text before the merges.
enum TokenAlphabet {
    /// A printable character for each byte (``ByteLevelAlphabet``); a text is its bytes.
    case bytes
    /// SentencePiece's: plain text with `▁` (U+2581) for a space. A text is its characters, and one that is no token
    /// is the byte tokens `<0x00>` … `<0xFF>` of its UTF-8.
    case characters

    /// The UTF-8 of `▁`.
    private static let space: [UInt8] = [0xE2, 0x96, 0x81]

    /// Appends the bytes of a token of text; false, with nothing appended, for other spellings.
    func append(_ token: Substring, to output: inout [UInt8]) -> Bool {
        switch self {
        case .bytes: return ByteLevelAlphabet.append(token, to: &output)
        case .characters:
            for scalar in token.unicodeScalars {
                if scalar == "\u{2581}" { output.append(0x20) } else { output.append(contentsOf: UTF8.encode(scalar)!) }
            }
            return true
        }
    }

    /// The byte of a byte token's name, `<0x0A>`.
    static func byte(named name: String) -> UInt8? {
        guard name.utf8.count == 6, name.hasPrefix("<0x"), name.hasSuffix(">") else { return nil }
        return UInt8(name.dropFirst(3).dropLast(), radix: 16)
    }

    /// Whether the UTF-8 of a character is that of `▁`, a space.
    static func isSpace(_ character: UnsafeBufferPointer<UInt8>) -> Bool { character.elementsEqual(space) }
}
