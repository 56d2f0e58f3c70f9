import Tensors

/// The keys and values of the tokens that a model has read in one conversation, in pages of 64 tokens.
///
/// Conversations with a common prefix share its pages; one that writes on copies the last page first.
public final class KVCache {
    /// The shape of a page; see ``PageTable``.
    struct Layout: Sendable {
        var layerCount, keyHeads, width: Int
        var dtype: DType
        var device: Device

        func makePage() throws -> Tensor {
            try .empty([layerCount, 2, keyHeads, width * PageTable.pageLength], dtype: dtype, on: device)
        }
    }

    private let layout: Layout
    private(set) var pages: [Tensor] = []
    /// The number of tokens held.
    public private(set) var count = 0

    init(_ layout: Layout) { self.layout = layout }

    /// The pages' size in bytes, shared ones included.
    package var byteCount: Int { pages.reduce(0) { $0 + $1.count } * layout.dtype.byteCount }

    /// A cache that holds the first `count` tokens, in pages that it shares with this one.
    public func prefix(_ count: Int) -> KVCache {
        precondition(count <= self.count)
        let copy = KVCache(layout)
        copy.pages = Array(pages.prefix(Self.pageCount(count)))
        copy.count = count
        return copy
    }

    /// A cache that holds the same tokens in pages of its own.
    package func copy() throws -> KVCache {
        let copy = KVCache(layout)
        copy.pages = try pages.map { page in
            let twin = try layout.makePage()
            try twin.write(page)
            return twin
        }
        copy.count = count
        return copy
    }

    /// Forgets all tokens after the first `count`.
    public func truncate(to count: Int) {
        precondition(count <= self.count)
        self.count = count
        pages.removeLast(pages.count - Self.pageCount(count))
    }

    /// Makes room for `new` tokens in pages that belong to this cache alone.
    func reserve(_ new: Int) throws {
        let first = count / PageTable.pageLength
        if first < pages.count, !isKnownUniquelyReferenced(&pages[first]) {
            let page = try layout.makePage()
            try page.write(pages[first])
            pages[first] = page
        }
        while pages.count < Self.pageCount(count + new) { pages.append(try layout.makePage()) }
    }

    /// Counts `new` tokens that every layer has written into the pages.
    func advance(by new: Int) { count += new }

    /// The size of a page in bytes.
    var bytesPerPage: Int {
        layout.layerCount * 2 * layout.keyHeads * layout.width * PageTable.pageLength * layout.dtype.byteCount
    }

    /// The pages of so many tokens.
    static func pageCount(_ tokens: Int) -> Int {
        (tokens + PageTable.pageLength - 1) / PageTable.pageLength
    }
}

// MARK: Without the kernels

extension KVCache {
    /// Writes the keys and values `[keyHeads, new, width]` of new tokens in `layer` behind the held ones.
    ///
    /// - Returns: The keys and values of all tokens, `[keyHeads, tokens, width]`.
    func write(_ key: Tensor, _ value: Tensor, layer: Int) throws -> (keys: Tensor, values: Tensor) {
        let (length, end) = (PageTable.pageLength, count + key.shape[1])
        /// The keys `[keyHeads, width, 64]` (`part` 0) or values `[keyHeads, 64, width]` (1) of a page.
        func block(_ page: Int, _ part: Int) throws -> Tensor {
            try pages[page].narrowed(0, layer..<layer + 1).narrowed(1, part..<part + 1)
                .reshaped([layout.keyHeads] + (part == 0 ? [layout.width, length] : [length, layout.width]))
        }
        var start = count
        while start < end {
            let page = start / length
            let stop = min(end, (page + 1) * length)
            let (source, target) = (start - count..<stop - count, start - page * length..<stop - page * length)
            try block(page, 0).narrowed(2, target).write(key.narrowed(1, source).transposed(1, 2))
            try block(page, 1).narrowed(1, target).write(value.narrowed(1, source))
            start = stop
        }
        let keys = try Tensor.concatenated(pages.indices.map { try block($0, 0) }, dimension: 2)
        let values = try Tensor.concatenated(pages.indices.map { try block($0, 1) }, dimension: 1)
        return (try keys.narrowed(2, 0..<end).transposed(1, 2), try values.narrowed(1, 0..<end))
    }
}
