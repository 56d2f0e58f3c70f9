/// Turns ids into text as they come, holding back a character whose last bytes are still to come.
///
/// All pieces together, with ``finish()``'s, are the text that ``Tokenizer/decode(_:skippingControl:)`` gives for all ids.
public struct StreamingDecoder: Sendable {
    private let tokenizer: Tokenizer
    private let skippingControl: Bool
    /// At most three bytes: the beginning of a character.
    private var pending: [UInt8] = []

    /// - Parameter skippingControl: Whether control tokens give no text.
    public init(_ tokenizer: Tokenizer, skippingControl: Bool = true) {
        self.tokenizer = tokenizer
        self.skippingControl = skippingControl
    }

    /// The text that an id completes, often empty or more than one character.
    public mutating func append(_ id: Int) -> String {
        if skippingControl && tokenizer.isControl(id) { return "" }
        pending.append(contentsOf: tokenizer.bytes(of: id))
        let complete = pending.count - Self.incompleteSuffix(of: pending)
        defer { pending.removeFirst(complete) }
        return String(decoding: pending[..<complete], as: UTF8.self)
    }

    /// Ends the text: the bytes still held back, as U+FFFD. The decoder is then as new.
    public mutating func finish() -> String {
        defer { pending.removeAll() }
        return String(decoding: pending, as: UTF8.self)
    }

    /// The number of bytes at the end that begin a character without completing it.
    private static func incompleteSuffix(of bytes: [UInt8]) -> Int {
        for count in 1...3 where count <= bytes.count {
            let first = bytes[bytes.count - count]
            if first & 0xC0 == 0x80 { continue }
            let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1
            // The bytes may already be wrong (F5 begins nothing, nor E0 80): then there is nothing to wait for.
            guard length > count, (0xC2...0xF4).contains(first) else { return 0 }
            if count > 1 {
                let second = bytes[bytes.count - count + 1]
                switch first {
                case 0xE0 where second < 0xA0, 0xED where second > 0x9F: return 0
                case 0xF0 where second < 0x90, 0xF4 where second > 0x8F: return 0
                default: break
                }
            }
            return count
        }
        return 0
    }
}
