import CTorch

/// An element type of a tensor.
public enum DType: Hashable, Sendable {
    /// Integers and floats of so many bits, and truth values of one byte.
    case uint8, int8, int32, int64, float16, bfloat16, float32, float64, bool

    /// The size of one element in bytes.
    public var byteCount: Int {
        switch self {
        case .uint8, .int8, .bool: 1
        case .float16, .bfloat16: 2
        case .int32, .float32: 4
        case .int64, .float64: 8
        }
    }

    var raw: ct_dtype {
        switch self {
        case .uint8: ct_uint8
        case .int8: ct_int8
        case .int32: ct_int32
        case .int64: ct_int64
        case .float16: ct_float16
        case .bfloat16: ct_bfloat16
        case .float32: ct_float32
        case .float64: ct_float64
        case .bool: ct_bool
        }
    }

    init(_ raw: ct_dtype) {
        let all: [DType] = [.uint8, .int8, .int32, .int64, .float16, .bfloat16, .float32, .float64, .bool]
        self = all[Int(raw.rawValue)]
    }
}
