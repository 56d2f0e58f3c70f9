import CTorch

/// The weight `[out, in]` of a linear layer that is not trained.
public enum FrozenWeight: Sendable {
    /// In floats.
    case dense(Tensor)
    /// In 8-bit integers, for a CPU: twice as fast, forward and backward.
    case int8(Int8Matrix, transposed: Int8Matrix)

    /// Quantises a weight and its transpose.
    public init(quantizing weight: Tensor) throws {
        self = .int8(try Int8Matrix(weight), transposed: try Int8Matrix(weight.transposed(0, 1)))
    }

    var raw: ct_frozen {
        switch self {
        case .dense(let weight):
            ct_frozen(
                dense: weight.handle, packed: nil, scales: nil, packed_transposed: nil, scales_transposed: nil,
                outputs: Int64(weight.shape[0]), bias: nil)
        case .int8(let matrix, let transposed):
            ct_frozen(
                dense: nil, packed: matrix.packed.handle, scales: matrix.scales.handle,
                packed_transposed: transposed.packed.handle, scales_transposed: transposed.scales.handle,
                outputs: Int64(matrix.shape[0]), bias: nil)
        }
    }
}
