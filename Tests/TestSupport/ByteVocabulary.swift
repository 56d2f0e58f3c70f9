public import Tokenization

/// A vocabulary of the 256 bytes, control tokens and fillers, for the tiny random models.
public func byteVocabulary(controlTokens: [String] = [], count: Int) throws -> Vocabulary {
    // The byte-level alphabet: printable bytes stand for themselves, the others follow from U+0100.
    var next: UInt32 = 256
    var tokens = (UInt8.min...UInt8.max).map { byte -> String in
        switch byte {
        case 33...126, 161...172, 174...255: return String(UnicodeScalar(byte))
        default:
            defer { next += 1 }
            return UnicodeScalar(next).map { String($0) } ?? ""
        }
    }
    tokens += controlTokens
    tokens += (tokens.count..<count).map { "<filler \($0)>" }
    return Vocabulary(
        tokens: tokens, kinds: tokens.indices.map { $0 < 256 ? .normal : .control }, merges: [],
        preTokenizer: .smollm, bosID: nil, eosID: nil, addsBOS: false, chatTemplate: nil)
}
