/// A generator whose draws are the same on every machine (SplitMix64, Steele et al. 2014).
///
/// Its own `below`, `element` and `shuffle` are used in place of the standard library's, whose algorithms may change.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// - Parameters:
    ///   - seed: decides all draws.
    ///   - stream: which of the seed's independent sequences this is.
    public init(seed: UInt64, stream: UInt64 = 0) {
        state = seed
        // Far apart in the state, so that neighbouring streams don't overlap.
        state = next() ^ (stream &* 0xD134_2543_DE82_EF95)
        state = next()
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number from 0 to `bound` − 1; its bias is below bound / 2⁶⁴.
    public mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// Whether an event of this probability happens.
    public mutating func chance(_ probability: Double) -> Bool {
        Double(next() >> 11) * 0x1p-53 < probability
    }

    public mutating func element<Element>(of elements: some RandomAccessCollection<Element>) -> Element? {
        elements.isEmpty ? nil : elements[elements.index(elements.startIndex, offsetBy: below(elements.count))]
    }

    public mutating func shuffle<Element>(_ elements: inout [Element]) {
        for last in stride(from: elements.count - 1, to: 0, by: -1) { elements.swapAt(last, below(last + 1)) }
    }
}
