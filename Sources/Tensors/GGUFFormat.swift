/// The format of a tensor's numbers in a GGUF file.
///
/// The quantised formats keep blocks of 32 or super-blocks of 256 numbers with shared scales. Tensor operations unpack
/// them, so that this is fast in every build and the arithmetic can be compared with ggml's, line by line
/// (ggml-org/ggml, src/ggml-quants.c, `dequantize_row_…`).
public enum GGUFFormat: UInt32, CaseIterable, Hashable, Sendable, CustomStringConvertible {
    /// 32-bit floats, and 16-bit ones.
    case f32 = 0
    case f16 = 1
    /// Blocks of quantised numbers; the names are ggml's.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case q4_1 = 3
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case q5_0 = 6
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case q8_0 = 8
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case q4_K = 12
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case q6_K = 14

    /// Numbers in a block.
    public var blockLength: Int {
        switch self {
        case .f32, .f16: 1
        case .q4_1, .q5_0, .q8_0: 32
        case .q4_K, .q6_K: 256
        }
    }

    /// Bytes of a block.
    public var blockByteCount: Int {
        switch self {
        case .f32: 4
        case .f16: 2
        case .q4_1: 2 + 2 + 16
        case .q5_0: 2 + 4 + 16
        case .q8_0: 2 + 32
        case .q4_K: 2 + 2 + 12 + 128
        case .q6_K: 128 + 64 + 16 + 2
        }
    }

    public var description: String {
        switch self {
        case .f32: "F32"
        case .f16: "F16"
        case .q4_1: "Q4_1"
        case .q5_0: "Q5_0"
        case .q8_0: "Q8_0"
        case .q4_K: "Q4_K"
        case .q6_K: "Q6_K"
        }
    }
}

extension GGUFFormat {
    /// The numbers of `bytes` as 32-bit floats of `shape`; `owner` keeps the bytes alive.
    func dequantized(
        _ bytes: UnsafeRawBufferPointer, shape: [Int], owner: any AnyObject & Sendable
    ) throws -> Tensor {
        let blocks = bytes.count / blockByteCount
        let raw = try Tensor.view(bytes, dtype: .uint8, shape: [blocks, blockByteCount], owner: owner)

        /// Bytes `range` of every block.
        func field(_ range: Range<Int>) throws -> Tensor { try raw.narrowed(1, range) }
        /// A half-precision number at `offset` of every block, `[blocks, 1]`.
        func half(at offset: Int) throws -> Tensor {
            try field(offset..<offset + 2).contiguous().bitcast(to: .float16).to(.float32)
        }

        let values: Tensor
        switch self {
        case .f32:
            values = try raw.bitcast(to: .float32)
        case .f16:
            values = try raw.bitcast(to: .float16).to(.float32)
        case .q8_0:
            values = try half(at: 0) * field(2..<34).bitcast(to: .int8).to(.float32)
        case .q4_1:
            // d, m, then 16 bytes: the low nibbles are numbers 0…15, the high ones 16…31.
            values = try nibbles(field(4..<20)).to(.float32) * half(at: 0) + half(at: 2)
        case .q5_0:
            // d, 32 fifth bits, nibbles as above; the values are centred at 16.
            let bits =
                try field(2..<6).reshaped([blocks, 4, 1]) >> Tensor.range(0..<8, dtype: .uint8).reshaped([1, 1, 8])
            let fifth = try (bits & 1).reshaped([blocks, 32])
            values = try ((nibbles(field(6..<22)) | (fifth << 4)).to(.float32) - 16) * half(at: 0)
        case .q4_K:
            // d, dmin, eight 6-bit scales and eight 6-bit minima in 12 bytes, 128 bytes of nibbles. The first four
            // scales and minima are the low 6 bits of bytes 0…3 and 4…7; of the other four, the low nibbles are in
            // bytes 8…11 and the two high bits in bytes 0…7.
            let (first, second, third) = (try field(4..<8), try field(8..<12), try field(12..<16))
            let scales = try Tensor.concatenated(
                [first & 63, (third & 15) | ((first >> 6) << 4)], dimension: 1)
            let minima = try Tensor.concatenated(
                [second & 63, (third >> 4) | ((second >> 6) << 4)], dimension: 1)
            // Groups of 32 bytes hold two groups of 32 numbers: low nibbles, then high ones.
            let quants = try nibbles(field(16..<144).reshaped([blocks * 4, 32])).reshaped([blocks, 8, 32])
            let scale = try (half(at: 0) * scales.to(.float32)).reshaped([blocks, 8, 1])
            let minimum = try (half(at: 2) * minima.to(.float32)).reshaped([blocks, 8, 1])
            values = try quants.to(.float32) * scale - minimum
        case .q6_K:
            // 128 bytes of low nibbles, 64 bytes with the two high bits, 16 signed scales, d. A half of the block is
            // 128 numbers: of its 64 low bytes, 32 + 32 give their low nibbles first and their high nibbles then.
            let low = try nibbles(field(0..<128).reshaped([blocks * 2, 64])).reshaped([blocks * 2, 4, 32])
            let high =
                try field(128..<192).reshaped([blocks * 2, 1, 32])
                >> (Tensor.range(0..<4, dtype: .uint8) * 2).reshaped([1, 4, 1])
            let quants = try (low | ((high & 3) << 4)).to(.float32) - 32
            let scale = try field(192..<208).bitcast(to: .int8).to(.float32) * half(at: 208)
            values = try quants.reshaped([blocks, 16, 16]) * scale.reshaped([blocks, 16, 1])
        }
        return try values.reshaped(shape)
    }
}

/// The low nibbles of `bytes [n, k]`, then the high ones: `[n, 2k]`.
private func nibbles(_ bytes: Tensor) throws -> Tensor {
    try Tensor.concatenated([bytes & 15, bytes >> 4], dimension: 1)
}
