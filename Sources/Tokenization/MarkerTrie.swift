/// Finds the tokens that are taken whole from a text (control and user-defined ones): leftmost, then longest.
struct MarkerTrie: Sendable {
    /// Node × byte → node; the root is 0.
    private var edges: [UInt64: Int32] = [:]
    /// The token that ends at each node, -1 for none.
    private var ids: [Int32] = [-1]
    private var firstBytes = [Bool](repeating: false, count: 256)

    var isEmpty: Bool { ids.count == 1 }

    mutating func insert(_ token: String, id: Int) {
        guard let first = token.utf8.first else { return }
        firstBytes[Int(first)] = true
        var node = 0
        for byte in token.utf8 {
            let edge = UInt64(node) << 8 | UInt64(byte)
            if let next = edges[edge] {
                node = Int(next)
            } else {
                edges[edge] = Int32(ids.count)
                node = ids.count
                ids.append(-1)
            }
        }
        ids[node] = Int32(id)
    }

    /// The first marker at or after a position, and the token it is.
    func first(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> (range: Range<Int>, id: Int)? {
        guard !isEmpty else { return nil }
        for position in start..<text.count where firstBytes[Int(text[position])] {
            var longest: (range: Range<Int>, id: Int)?
            var node = 0
            var end = position
            while end < text.count, let next = edges[UInt64(node) << 8 | UInt64(text[end])] {
                node = Int(next)
                end += 1
                if ids[node] >= 0 { longest = (position..<end, Int(ids[node])) }
            }
            if let longest { return longest }
        }
        return nil
    }
}
