import CTorch

/// The keys and values of several conversations in pages of ``pageLength`` tokens, and the new tokens of each.
///
/// A page is `[layers, 2, keyHeads, width · 64]` in 32-bit or 16-bit floats: first the keys of a layer, as
/// `[keyHeads, width, 64]`, then its values, as `[keyHeads, 64, width]`.
public struct PageTable: Sendable {
    /// The tokens of a page.
    public static let pageLength = 64

    private var pages: [Tensor] = []
    private var starts: [Int64] = [0]
    private var held: [Int64] = []
    private var counts: [Int64] = []

    /// A table without conversations.
    public init() {}

    /// Adds a conversation that has read `held` tokens and has `new` ones; its pages have room for both.
    public mutating func append(_ pages: [Tensor], held: Int, new: Int) {
        precondition(pages.count * Self.pageLength >= held + new)
        self.pages += pages
        starts.append(Int64(self.pages.count))
        self.held.append(Int64(held))
        counts.append(Int64(new))
    }

    /// How the heads of a layer look.
    public struct Heads: Sendable {
        /// The query heads, the key heads, and the width of a head.
        public var count, keyCount, width: Int
        /// The factor of attention scores.
        public var scale: Double
        /// The most tokens that a token sees, itself included; 0 for all before it.
        public var window: Int
        /// Weights `[width]` by which queries and keys are normed before they are turned, where the model does so.
        public var queryNorm, keyNorm: Tensor?
        /// The number that keeps the norms from dividing by zero.
        public var epsilon: Double

        /// - Parameter window: The most tokens that a token sees, itself included; 0 for all before it.
        public init(
            count: Int, keyCount: Int, width: Int, scale: Double, window: Int = 0, queryNorm: Tensor? = nil,
            keyNorm: Tensor? = nil, epsilon: Double = 0
        ) {
            self.count = count
            self.keyCount = keyCount
            self.width = width
            self.scale = scale
            self.window = window
            self.queryNorm = queryNorm
            self.keyNorm = keyNorm
            self.epsilon = epsilon
        }
    }

    /// Attention in layer `layer` of the new tokens' `qkv [tokens, (heads + 2 keyHeads) · width]`, whose keys and values
    /// go into the pages, turned by `cosine` and `sine` (`[tokens, width]`); the result is `[tokens, heads · width]`.
    public func attention(_ qkv: Tensor, layer: Int, heads: Heads, cosine: Tensor, sine: Tensor) throws -> Tensor {
        try withExtendedLifetime((self, qkv, cosine, sine, heads)) {
            let handles: [OpaquePointer?] = pages.map(\.handle)
            return try Tensor.make {
                ct_paged_attention(
                    qkv.handle, cosine.handle, sine.handle, heads.queryNorm?.handle, heads.keyNorm?.handle,
                    heads.epsilon, handles, starts, held, counts, counts.count, Int64(layer), Int64(heads.count),
                    Int64(heads.keyCount), Int64(heads.width), Int64(heads.window), heads.scale, $0)
            }
        }
    }
}
