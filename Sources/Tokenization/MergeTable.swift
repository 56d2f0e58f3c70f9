/// The merges: for a pair of tokens, the merge's rank (0 is best) and the token it makes.
struct MergeTable: Sendable {
    private struct Slot {
        var pair: UInt64
        var rank: UInt32
        var product: Int32
    }

    /// Ids are below 2³¹, so no pair has all bits set.
    private static let free: UInt64 = .max
    private var slots: [Slot]
    private let mask: Int
    private let shift: UInt64

    init(minimumCapacity: Int) {
        var bits: UInt64 = 4
        while (1 << bits) < 2 * minimumCapacity { bits += 1 }
        slots = [Slot](repeating: Slot(pair: Self.free, rank: 0, product: 0), count: 1 << bits)
        mask = (1 << bits) - 1
        shift = 64 - bits
    }

    /// Sets a merge; a pair stated twice keeps the later rank, as in `tokenizers`.
    mutating func set(_ left: Int32, _ right: Int32, rank: UInt32, product: Int32) {
        let pair = Self.pair(left, right)
        var slot = firstSlot(pair)
        while slots[slot].pair != Self.free && slots[slot].pair != pair { slot = (slot + 1) & mask }
        slots[slot] = Slot(pair: pair, rank: rank, product: product)
    }

    subscript(left: Int32, right: Int32) -> (rank: UInt32, product: Int32)? {
        let pair = Self.pair(left, right)
        var slot = firstSlot(pair)
        while true {
            let entry = slots[slot]
            if entry.pair == pair { return (entry.rank, entry.product) }
            if entry.pair == Self.free { return nil }
            slot = (slot + 1) & mask
        }
    }

    private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// Fibonacci hashing: the product's high bits depend on all of the pair's.
    private func firstSlot(_ pair: UInt64) -> Int {
        Int(truncatingIfNeeded: ((pair ^ (pair >> 29)) &* 0x9E37_79B9_7F4A_7C15) >> shift)
    }
}
