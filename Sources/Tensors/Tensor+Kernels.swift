import CTorch

/// Kernels for inference on a CPU, on 32-bit floats and without gradients: what libtorch does in many small operations.
public enum Kernels {
    /// The instruction set that they use on this machine.
    public static var instructions: String { String(cString: ct_kernel_instructions()) }
    /// Widths of attention heads that they take.
    public static func supports(headWidth: Int) -> Bool { headWidth % 16 == 0 && headWidth <= 256 }
}

extension Tensor {
    /// As ``rmsNorm(_:epsilon:)``, in one pass over dense 32-bit floats on the CPU.
    public func fastRMSNorm(_ weight: Tensor, epsilon: Double) throws -> Tensor {
        try withExtendedLifetime(weight) { try derive { ct_fast_rms_norm($0, weight.handle, epsilon, $1) } }
    }

    /// For rows `[gate | up]` of dense 32-bit floats on the CPU: `silu(gate) · up`, or gelu (by tanh) instead of silu.
    public func gated(gelu: Bool = false) throws -> Tensor { try derive { ct_gated($0, gelu, $1) } }
}

// MARK: int8 matrices

/// A matrix of 8-bit integers with a scale for each ``groupLength`` numbers of a row, laid out for products: nearly four
/// times smaller than in 32-bit floats. The left side of a product is quantised in the same groups on the way, so an
/// outlier spoils its own group alone, and a row's result does not depend on others.
public struct Int8Matrix: Sendable {
    /// Neighbours in a row that share a scale.
    public static let groupLength = Int(CT_INT8_GROUP)

    /// `[rows, columns]` as the matrix is seen from outside.
    public let shape: [Int]
    /// `[rows / 16 · columns / 4 · 64]` bytes and `[rows / 16 · groups · 16]` scales, of rows rounded up to 16 and columns
    /// to whole groups.
    let packed, scales: Tensor

    /// - Parameter pieces: The rows from top to bottom, any number at a time, so that the whole need never be held in
    ///   32-bit floats.
    public init(shape: [Int], pieces: (_ add: (Tensor) throws -> Void) throws -> Void) throws {
        precondition(shape.count == 2)
        let (rows, columns) = (shape[0], shape[1])
        let groups = (rows + 15) / 16 * 16 * Self.groupCount(columns)
        // 128 stands for 0.
        let packed = try Tensor.full(128, shape: [groups * Self.groupLength], dtype: .uint8)
        let scales = try Tensor.full(0, shape: [groups])
        var start = 0
        try pieces { piece in
            let dense = try piece.to(.float32, on: .cpu).contiguous()
            try withExtendedLifetime((dense, packed, scales)) {
                try check(ct_int8_pack(dense.handle, packed.handle, scales.handle, Int64(start)))
            }
            start += dense.shape[0]
        }
        precondition(start == rows, "the pieces make \(start) rows, not \(rows)")
        self.init(shape: shape, packed: packed, scales: scales)
    }

    /// Of a matrix `[rows, columns]` in floats.
    public init(_ matrix: Tensor) throws {
        try self.init(shape: matrix.shape) { add in try add(matrix) }
    }

    private init(shape: [Int], packed: Tensor, scales: Tensor) {
        self.shape = shape
        self.packed = packed
        self.scales = scales
    }

    /// A view of some rows, a multiple of 16 from a multiple of 16 on.
    public func rows(_ range: Range<Int>) throws -> Int8Matrix {
        precondition(range.lowerBound % 16 == 0 && range.count % 16 == 0)
        let groups = Self.groupCount(shape[1])
        let width = groups * Self.groupLength
        return Int8Matrix(
            shape: [range.count, shape[1]],
            packed: try packed.narrowed(0, range.lowerBound * width..<range.upperBound * width),
            scales: try scales.narrowed(0, range.lowerBound * groups..<range.upperBound * groups))
    }

    private static func groupCount(_ columns: Int) -> Int { (columns + groupLength - 1) / groupLength }

    /// The named rows in 32-bit floats, `[indices, columns]`.
    public func selected(_ indices: [Int]) throws -> Tensor {
        try withExtendedLifetime((packed, scales)) {
            try Tensor.make {
                ct_int8_rows(
                    packed.handle, scales.handle, indices.raw, indices.count, Int64(shape[0]), Int64(shape[1]), $0)
            }
        }
    }

    /// `x Wᵀ + bias + residual` for `x [n, columns]` in 32-bit floats or bfloat16, a bias `[rows]` in 32-bit floats and a
    /// residual `[n, rows]` in the type of x, which the result has too.
    public func product(_ input: Tensor, bias: Tensor? = nil, residual: Tensor? = nil) throws -> Tensor {
        try withExtendedLifetime((input, self, bias, residual)) {
            try Tensor.make {
                ct_int8_linear(
                    input.handle, packed.handle, scales.handle, Int64(shape[0]), bias?.handle, residual?.handle, $0)
            }
        }
    }

    /// What it takes in memory.
    public var byteCount: Int { packed.count + 4 * scales.count }
}

// MARK: Attention over pages

/// The keys and values of several conversations in pages of ``pageLength`` tokens, and the new tokens of each.
///
/// A page is `[layers, 2, keyHeads, width · 64]` in 32-bit or 16-bit floats: first the keys of a layer, as
/// `[keyHeads, width, 64]`, then its values, as `[keyHeads, 64, width]`.
public struct PageTable: Sendable {
    public static let pageLength = 64

    private var pages: [Tensor] = []
    private var starts: [Int64] = [0]
    private var held: [Int64] = []
    private var counts: [Int64] = []

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
        public var count, keyCount, width: Int
        public var scale: Double
        /// The most tokens that a token sees, itself included; 0 for all before it.
        public var window: Int
        /// Weights `[width]` by which queries and keys are normed before they are turned, where the model does so.
        public var queryNorm, keyNorm: Tensor?
        public var epsilon: Double

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

// MARK: The choice of tokens

/// A list of token ids at a fixed place in memory.
public final class TokenList: @unchecked Sendable {
    let ids: UnsafeMutableBufferPointer<Int64>

    public init(_ tokens: [Int]) {
        ids = .allocate(capacity: tokens.count)
        _ = ids.initialize(from: tokens.lazy.map(Int64.init))
    }

    deinit { ids.deallocate() }

    public var count: Int { ids.count }
    public subscript(index: Int) -> Int { Int(ids[index]) }
    public var tokens: [Int] { ids.map(Int.init) }
}

/// How one row of logits becomes a token.
public struct TokenChoice: Sendable {
    /// The tokens that may be chosen; nil for all.
    public var allowed: TokenList?
    /// 0 takes the likeliest token.
    public var temperature: Double
    public var topP: Double
    public var minP: Double
    /// From 0 up to 1, not included: decides which.
    public var uniform: Double

    public init(allowed: TokenList? = nil, temperature: Double, topP: Double = 1, minP: Double = 0, uniform: Double) {
        self.allowed = allowed
        self.temperature = temperature
        self.topP = topP
        self.minP = minP
        self.uniform = uniform
    }
}

extension Tensor {
    /// A token for each row of logits `[n, vocabulary]` (dense 32-bit floats on the CPU), and its log-probability among
    /// the allowed tokens at the temperature (1 for greedy choices), before top-p and min-p.
    public func choose(_ choices: [TokenChoice]) throws -> [(token: Int, logProbability: Float)] {
        var tokens = [Int64](repeating: 0, count: choices.count)
        var logProbabilities = [Float](repeating: 0, count: choices.count)
        try withExtendedLifetime((self, choices)) {
            let raw = choices.map { choice in
                ct_choice(
                    allowed: choice.allowed.map { UnsafePointer($0.ids.baseAddress!) },
                    allowed_count: choice.allowed?.count ?? 0, temperature: choice.temperature, top_p: choice.topP,
                    min_p: choice.minP, uniform: choice.uniform)
            }
            try check(ct_choose(handle, raw, raw.count, &tokens, &logProbabilities))
        }
        return zip(tokens, logProbabilities).map { (Int($0), $1) }
    }
}
