/// FNV-1a over bytes, 64 bits: the same in every run and on every machine, unlike `Hasher`.
public struct StableHash: Sendable {
    public private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    public init() {}

    /// The hash of one text.
    public init(_ text: String) { add(text) }

    public mutating func add(_ text: String) {
        for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }

    /// Tells two texts in a row from one longer text.
    public mutating func addSeparator() { value = (value ^ 0xFF) &* 0x100_0000_01B3 }
}
