/// The classes of Unicode scalars that the pre-tokenizers' patterns tell apart.
enum ScalarClass: UInt8 {
    /// `[^\s\p{L}\p{N}]`: punctuation, symbols, marks, controls, unassigned scalars.
    case other
    /// `\p{L}`
    case letter
    /// `\p{N}`
    case number
    /// `\s` but for the two below
    case space
    /// `[\r\n]`
    case newline
    /// Past the text's end.
    case end

    /// No scalar from here on is a letter, a number or white space (planes 14 to 16 hold marks and private use).
    static let limit: UInt32 = 0x34000

    private static let table: [ScalarClass] = (0..<limit).map { value in
        guard let scalar = Unicode.Scalar(value) else { return .other }
        if value == 0x0A || value == 0x0D { return .newline }
        let properties = scalar.properties
        if properties.isWhitespace { return .space }
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
        case .decimalNumber, .letterNumber, .otherNumber: return .number
        default: return .other
        }
    }

    static func of(_ scalar: UInt32) -> ScalarClass { scalar < limit ? table[Int(scalar)] : .other }
}
