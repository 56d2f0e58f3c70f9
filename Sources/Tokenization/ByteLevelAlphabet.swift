/// GPT-2's byte-level alphabet: one printable Unicode scalar for each byte, so that any bytes can be written as text.
///
/// Bytes that print in Latin-1 are their own characters; the 68 others follow, in order, from U+0100 (a space is `Ġ`).
enum ByteLevelAlphabet {
    /// The scalar value of each byte.
    static let scalars: [UInt32] = {
        var next: UInt32 = 0x100
        return (0..<256).map { (byte: UInt32) in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return byte
            default:
                defer { next += 1 }
                return next
            }
        }
    }()

    /// The byte of each scalar value below U+0144; -1 where the alphabet has no such scalar.
    private static let bytes: [Int16] = {
        var bytes = [Int16](repeating: -1, count: 0x144)
        for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
        return bytes
    }()

    /// Appends the bytes of a token of the alphabet; false, with nothing appended, for any other text.
    static func append(_ token: Substring, to output: inout [UInt8]) -> Bool {
        let start = output.count
        for scalar in token.unicodeScalars {
            guard scalar.value < 0x144, bytes[Int(scalar.value)] >= 0 else {
                output.removeSubrange(start...)
                return false
            }
            output.append(UInt8(bytes[Int(scalar.value)]))
        }
        return true
    }
}
