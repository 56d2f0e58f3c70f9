/// The bytes of every token, and the way back from bytes to a token.
///
/// A hash table over one flat byte buffer: Swift's `Dictionary<String, _>` compares by canonical equivalence, which
/// is slower and takes different tokens for equal.
struct TokenTable: Sendable {
    private var bytes: [UInt8] = []
    /// Token `i` is `bytes[offsets[i]..<offsets[i + 1]]`.
    private var offsets: [Int] = [0]
    /// Open addressing, linear probing; -1 is free. At most half full.
    private var slots: [Int32]
    private let mask: Int

    var count: Int { offsets.count - 1 }

    init(minimumCapacity: Int) {
        var capacity = 16
        while capacity < 2 * minimumCapacity { capacity *= 2 }
        slots = [Int32](repeating: -1, count: capacity)
        mask = capacity - 1
        offsets.reserveCapacity(minimumCapacity + 1)
        bytes.reserveCapacity(8 * minimumCapacity)
    }

    /// Appends a token; one that is not `findable` can be read by its id alone.
    mutating func append(_ token: [UInt8], findable: Bool) {
        let id = Int32(count)
        bytes.append(contentsOf: token)
        offsets.append(bytes.count)
        guard findable else { return }
        var slot = token.withUnsafeBufferPointer { Self.hash($0) } & mask
        while slots[slot] >= 0 { slot = (slot + 1) & mask }
        slots[slot] = id
    }

    subscript(id: Int) -> ArraySlice<UInt8> { bytes[offsets[id]..<offsets[id + 1]] }

    /// The first findable token with these bytes.
    func id(of key: UnsafeBufferPointer<UInt8>) -> Int32? {
        var slot = Self.hash(key) & mask
        while slots[slot] >= 0 {
            let id = Int(slots[slot])
            if offsets[id + 1] - offsets[id] == key.count {
                var equal = true
                var at = offsets[id]
                for byte in key {
                    if bytes[at] != byte {
                        equal = false
                        break
                    }
                    at += 1
                }
                if equal { return Int32(id) }
            }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// FNV-1a, 64 bits, folded.
    private static func hash(_ key: UnsafeBufferPointer<UInt8>) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in key { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int(truncatingIfNeeded: hash ^ (hash >> 32))
    }
}
