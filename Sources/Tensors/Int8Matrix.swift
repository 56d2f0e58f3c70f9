import CTorch

/// A matrix of 8-bit integers with a scale for each ``groupLength`` numbers of a row, laid out for products: nearly four
/// times smaller than in 32-bit floats. The left side of a product is quantised in the same groups on the way, so an
/// outlier spoils its own group alone, and a row's result does not depend on others.
public struct Int8Matrix: Sendable {
    /// Neighbours in a row that share a scale.
    public static let groupLength = Int(CT_INT8_GROUP)

    /// `[rows, columns]`
    public let shape: [Int]
    /// `[rows / 16 · columns / 4 · 64]` bytes and `[rows / 16 · groups · 16]` scales, of rows rounded up to 16 and columns
    /// to whole groups.
    let packed, scales: Tensor

    /// Quantises a matrix in pieces, so that the whole need never be held in 32-bit floats.
    ///
    /// - Parameter pieces: Adds the rows from top to bottom, any number at a time.
    public init(shape: [Int], pieces: (_ add: (Tensor) throws -> Void) throws -> Void) throws {
        precondition(shape.count == 2)
        let (rows, columns) = (shape[0], shape[1])
        let groups = (rows + 15) / 16 * 16 * Self.groupCount(columns)
        // 128 is the packed form of 0.
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

    /// Quantises a matrix `[rows, columns]` in floats.
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

    /// Its size in bytes.
    public var byteCount: Int { packed.count + 4 * scales.count }
}
