// Unchecked: the memory is written once, in init.
/// A list of token ids at a fixed place in memory.
public final class TokenList: @unchecked Sendable {
    let ids: UnsafeMutableBufferPointer<Int64>

    /// A copy of `tokens`.
    public init(_ tokens: [Int]) {
        ids = .allocate(capacity: tokens.count)
        _ = ids.initialize(from: tokens.lazy.map(Int64.init))
    }

    deinit { ids.deallocate() }

    /// The number of tokens.
    public var count: Int { ids.count }
    /// The token at a place.
    public subscript(index: Int) -> Int { Int(ids[index]) }
    /// The tokens as an array.
    public var tokens: [Int] { ids.map(Int.init) }
}
