import CTorch

// MARK: Shape

extension Tensor {
    /// The same elements in another shape; one dimension may be -1.
    public func reshaped(_ shape: [Int]) throws -> Tensor {
        try derive { ct_reshape($0, shape.raw, shape.count, $1) }
    }

    /// A view with two dimensions exchanged.
    public func transposed(_ first: Int, _ second: Int) throws -> Tensor {
        try derive { ct_transpose($0, Int64(first), Int64(second), $1) }
    }

    /// A view of `range` along `dimension`.
    public func narrowed(_ dimension: Int, _ range: Range<Int>) throws -> Tensor {
        try derive { ct_narrow($0, Int64(dimension), Int64(range.lowerBound), Int64(range.count), $1) }
    }

    /// A new tensor with `tensors` one behind the other along `dimension`.
    public static func concatenated(_ tensors: [Tensor], dimension: Int) throws -> Tensor {
        try withExtendedLifetime(tensors) {
            let handles: [OpaquePointer?] = tensors.map(\.handle)
            return try make { ct_cat(handles, handles.count, Int64(dimension), $0) }
        }
    }

    /// The slices along `dimension` that `index` (a vector of integers) names.
    public func selected(_ dimension: Int, _ index: Tensor) throws -> Tensor {
        try derive(index) { ct_index_select($0, Int64(dimension), $1, $2) }
    }

    /// The elements that `index` (integers, of the result's shape) names along `dimension`.
    public func gathered(_ dimension: Int, _ index: Tensor) throws -> Tensor {
        try derive(index) { ct_gather($0, Int64(dimension), $1, $2) }
    }

    /// A new tensor that repeats this one so many times along each dimension.
    public func repeated(_ repeats: [Int]) throws -> Tensor {
        try derive { ct_repeat($0, repeats.raw, repeats.count, $1) }
    }

    /// This tensor with its elements dense in row-major order.
    public func contiguous() throws -> Tensor { try derive { ct_contiguous($0, $1) } }

    /// This tensor in another type or place; itself where nothing changes.
    public func to(_ dtype: DType, on device: Device) throws -> Tensor {
        try derive { ct_to($0, dtype.raw, device.raw, $1) }
    }

    /// This tensor in another type; itself where nothing changes.
    public func to(_ dtype: DType) throws -> Tensor { try to(dtype, on: device) }

    /// The same bytes read as another type; the last dimension must be dense.
    public func bitcast(to dtype: DType) throws -> Tensor { try derive { ct_bitcast($0, dtype.raw, $1) } }

    /// Copies `source` into this tensor's memory, which may be a view made by ``narrowed(_:_:)``.
    ///
    /// The caller must be the only user of that memory.
    public func write(_ source: Tensor) throws {
        try withExtendedLifetime((self, source)) { try check(ct_copy_into(handle, source.handle)) }
    }
}

// MARK: Arithmetic

extension Tensor {
    /// The sum, element by element; shapes broadcast as in libtorch, here and below.
    public static func + (left: Tensor, right: Tensor) throws -> Tensor { try left.binary(ct_add, right) }
    /// The difference.
    public static func - (left: Tensor, right: Tensor) throws -> Tensor { try left.binary(ct_subtract, right) }
    /// The product, element by element.
    public static func * (left: Tensor, right: Tensor) throws -> Tensor { try left.binary(ct_multiply, right) }
    /// The quotient.
    public static func / (left: Tensor, right: Tensor) throws -> Tensor { try left.binary(ct_divide, right) }
    /// The bits that either integer has.
    public static func | (left: Tensor, right: Tensor) throws -> Tensor { try left.binary(ct_bit_or, right) }
    /// The sum with a number.
    public static func + (left: Tensor, right: Double) throws -> Tensor { try left.binary(ct_add, right) }
    /// The difference from a number.
    public static func - (left: Tensor, right: Double) throws -> Tensor { try left.binary(ct_subtract, right) }
    /// The product with a number.
    public static func * (left: Tensor, right: Double) throws -> Tensor { try left.binary(ct_multiply, right) }
    /// The quotient by a number.
    public static func / (left: Tensor, right: Double) throws -> Tensor { try left.binary(ct_divide, right) }
    /// The bits that both integers have.
    public static func & (left: Tensor, right: Int) throws -> Tensor { try left.binary(ct_bit_and, Double(right)) }
    /// The integers with their bits moved up.
    public static func << (left: Tensor, right: Int) throws -> Tensor { try left.binary(ct_shift_left, Double(right)) }
    /// The integers with their bits moved down.
    public static func >> (left: Tensor, right: Int) throws -> Tensor { try left.binary(ct_shift_right, Double(right)) }
    /// The integers with their bits moved down, each by its own distance.
    public static func >> (left: Tensor, right: Tensor) throws -> Tensor { try left.binary(ct_shift_right, right) }
    /// Where the left element is less, as truth values.
    public static func .< (left: Tensor, right: Tensor) throws -> Tensor { try left.binary(ct_less, right) }
    /// Where the element is less than a number, as truth values.
    public static func .< (left: Tensor, right: Double) throws -> Tensor { try left.binary(ct_less, right) }
    /// Where the left element is not less, as truth values.
    public static func .>= (left: Tensor, right: Tensor) throws -> Tensor {
        try left.binary(ct_greater_equal, right)
    }

    /// e to the power of each element.
    public func exp() throws -> Tensor { try derive { ct_unary(ct_exp, $0, $1) } }
    /// The natural logarithm of each element.
    public func log() throws -> Tensor { try derive { ct_unary(ct_log, $0, $1) } }
    /// x · sigmoid(x) of each element.
    public func silu() throws -> Tensor { try derive { ct_unary(ct_silu, $0, $1) } }
    /// By its approximation with tanh.
    public func gelu() throws -> Tensor { try derive { ct_unary(ct_gelu, $0, $1) } }
    /// The cosine of each element, in radians.
    public func cos() throws -> Tensor { try derive { ct_unary(ct_cos, $0, $1) } }
    /// The sine of each element, in radians.
    public func sin() throws -> Tensor { try derive { ct_unary(ct_sin, $0, $1) } }
    /// The absolute value of each element.
    public func abs() throws -> Tensor { try derive { ct_unary(ct_abs, $0, $1) } }
    /// The negative of each element.
    public static prefix func - (tensor: Tensor) throws -> Tensor { try tensor.derive { ct_unary(ct_negate, $0, $1) } }

    /// The elements where `condition` holds, elsewhere `otherwise`.
    public func kept(where condition: Tensor, otherwise: Double) throws -> Tensor {
        try derive(condition) { ct_where($1, $0, otherwise, $2) }
    }

    private func binary(_ operation: ct_binary_operation, _ other: Tensor) throws -> Tensor {
        try derive(other) { ct_binary(operation, $0, $1, $2) }
    }

    private func binary(_ operation: ct_binary_operation, _ other: Double) throws -> Tensor {
        try derive { ct_binary_scalar(operation, $0, other, $1) }
    }

    private func derive(
        _ other: Tensor, _ body: (OpaquePointer, OpaquePointer, UnsafeMutablePointer<OpaquePointer?>) -> Int32
    ) throws -> Tensor {
        try withExtendedLifetime(other) { try derive { body($0, other.handle, $1) } }
    }
}

// MARK: Reductions

extension Tensor {
    /// exp(x) / Σ exp(x) along `dimension`.
    public func softmax(_ dimension: Int) throws -> Tensor { try derive { ct_softmax($0, Int64(dimension), $1) } }

    /// The logarithm of ``softmax(_:)``, without its rounding.
    public func logSoftmax(_ dimension: Int) throws -> Tensor {
        try derive { ct_log_softmax($0, Int64(dimension), $1) }
    }

    /// The sums of all elements up to each one, along `dimension`.
    public func cumulativeSum(_ dimension: Int) throws -> Tensor {
        try derive { ct_cumulative_sum($0, Int64(dimension), $1) }
    }

    /// The index of the greatest element along `dimension`, as 64-bit integers.
    public func argmax(_ dimension: Int, keepingDimension: Bool = false) throws -> Tensor {
        try derive { ct_argmax($0, Int64(dimension), keepingDimension, $1) }
    }

    /// The greatest element along `dimension`.
    public func maximum(_ dimension: Int, keepingDimension: Bool = false) throws -> Tensor {
        try derive { ct_maximum($0, Int64(dimension), keepingDimension, $1) }
    }

    /// The sum along `dimension`.
    public func sum(_ dimension: Int, keepingDimension: Bool = false) throws -> Tensor {
        try derive { ct_sum($0, Int64(dimension), keepingDimension, $1) }
    }

    /// Values in falling order and where they came from; equal values keep their order.
    public func sortedDescending(_ dimension: Int) throws -> (values: Tensor, indices: Tensor) {
        try withExtendedLifetime(self) {
            var indices: OpaquePointer?
            let values = try Tensor.make { ct_sort_descending(handle, Int64(dimension), $0, &indices) }
            guard let indices else { throw TensorError(.operationFailed, "libtorch returned no indices.") }
            return (values, Tensor(handle: indices))
        }
    }

    /// For each value, the first index along the last dimension whose element is greater (this tensor must rise).
    public func firstIndexAbove(_ values: Tensor) throws -> Tensor {
        try derive(values) { ct_search_sorted($0, $1, $2) }
    }
}

// MARK: The parts of a transformer

extension Tensor {
    /// The matrix product over the last two dimensions; the others broadcast.
    public func matmul(_ other: Tensor) throws -> Tensor { try derive(other) { ct_matmul($0, $1, $2) } }

    /// `x Wᵀ + b` for weights `[out, in]`.
    public func linear(_ weight: Tensor, bias: Tensor? = nil) throws -> Tensor {
        try withExtendedLifetime((weight, bias)) {
            try derive { ct_linear($0, weight.handle, bias?.handle, $1) }
        }
    }

    /// `x / √(mean(x²) + ε) · weight` over the last dimension.
    public func rmsNorm(_ weight: Tensor, epsilon: Double) throws -> Tensor {
        try derive(weight) { ct_rms_norm($0, $1, epsilon, $2) }
    }

    /// `softmax(q kᵀ · scale + mask) v` for a query `[batch, heads, queries, width]`, keys and values
    /// `[batch, heads, keys, width]` and an additive mask that broadcasts over `[batch, heads, queries, keys]`.
    public func attention(key: Tensor, value: Tensor, mask: Tensor?, isCausal: Bool = false, scale: Double) throws
        -> Tensor
    {
        try withExtendedLifetime((key, value, mask)) {
            try derive { ct_attention($0, key.handle, value.handle, mask?.handle, isCausal, scale, $1) }
        }
    }
}
