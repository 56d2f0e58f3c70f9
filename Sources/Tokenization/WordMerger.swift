/// Merges the symbols of one word into tokens, the best-ranked pair first and, among equals, the leftmost.
///
/// The symbols are a linked list and the pairs a heap, so a word of n symbols costs O(n log n): one of 1 MB is nothing
/// special. The buffers are kept from word to word.
struct WordMerger {
    private struct Symbol {
        var id: Int32
        var previous: Int32
        var next: Int32
        /// The rank of the pair (this, next), `noPair` if it cannot merge or if this symbol is gone.
        var rank: UInt32
        var product: Int32
    }

    private static let noPair: UInt32 = .max
    private var symbols: [Symbol] = []
    /// A binary heap, smallest first, of rank << 32 | position. Entries go stale when a neighbour merges.
    private var heap: [UInt64] = []

    /// Appends the tokens of a word.
    ///
    /// - Parameter word: the token of each symbol, -1 for a byte without one, which is left out as in `tokenizers`.
    mutating func merge(_ word: some Sequence<Int32>, merges: MergeTable, into ids: inout [Int]) {
        symbols.removeAll(keepingCapacity: true)
        heap.removeAll(keepingCapacity: true)
        for id in word where id >= 0 {
            let position = Int32(symbols.count)
            symbols.append(
                Symbol(id: id, previous: position - 1, next: position + 1, rank: Self.noPair, product: -1))
        }
        guard !symbols.isEmpty else { return }
        symbols[symbols.count - 1].next = -1
        for position in 0..<(symbols.count - 1) { findPair(at: position, in: merges) }

        while let entry = popSmallest() {
            let position = Int(entry & 0xFFFF_FFFF)
            guard symbols[position].rank == UInt32(entry >> 32) else { continue }
            let gone = Int(symbols[position].next)
            let next = symbols[gone].next
            symbols[gone].rank = Self.noPair
            symbols[position].id = symbols[position].product
            symbols[position].next = next
            if next >= 0 { symbols[Int(next)].previous = Int32(position) }
            findPair(at: position, in: merges)
            let previous = Int(symbols[position].previous)
            if previous >= 0 { findPair(at: previous, in: merges) }
        }

        var position = 0
        while position >= 0 {
            ids.append(Int(symbols[position].id))
            position = Int(symbols[position].next)
        }
    }

    private mutating func findPair(at position: Int, in merges: MergeTable) {
        let next = Int(symbols[position].next)
        guard next >= 0, let pair = merges[symbols[position].id, symbols[next].id] else {
            symbols[position].rank = Self.noPair
            return
        }
        symbols[position].rank = pair.rank
        symbols[position].product = pair.product
        push(UInt64(pair.rank) << 32 | UInt64(position))
    }

    private mutating func push(_ entry: UInt64) {
        var child = heap.count
        heap.append(entry)
        while child > 0 {
            let parent = (child - 1) / 2
            guard entry < heap[parent] else { break }
            heap[child] = heap[parent]
            child = parent
        }
        heap[child] = entry
    }

    private mutating func popSmallest() -> UInt64? {
        guard let smallest = heap.first, let last = heap.popLast() else { return nil }
        let count = heap.count
        guard count > 0 else { return smallest }
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < count else { break }
            if child + 1 < count, heap[child + 1] < heap[child] { child += 1 }
            guard heap[child] < last else { break }
            heap[parent] = heap[child]
            parent = child
        }
        heap[parent] = last
        return smallest
    }
}
