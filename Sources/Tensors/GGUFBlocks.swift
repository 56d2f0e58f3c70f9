/// The blocks of one format, side by side, and their numbers.
///
/// Tensor operations unpack them, so that this is fast in every build. The result equals the `gguf` package's
/// `dequantize` bit by bit (ggml-org/llama.cpp, gguf-py/gguf/quants.py).
struct GGUFBlocks {
    /// `[blocks, bytes]`
    private let raw: Tensor
    private let count: Int
    private let format: GGUFFormat

    /// - Parameter owner: Keeps the bytes alive.
    init(_ bytes: UnsafeRawBufferPointer, _ format: GGUFFormat, owner: any AnyObject & Sendable) throws {
        count = bytes.count / format.blockByteCount
        raw = try Tensor.view(bytes, dtype: .uint8, shape: [count, format.blockByteCount], owner: owner)
        self.format = format
    }

    /// All numbers in their order, as 32-bit floats.
    func numbers() throws -> Tensor {
        switch format {
        case .f32: try raw.bitcast(to: .float32)
        case .f16: try raw.bitcast(to: .float16).to(.float32)
        case .bf16: try raw.bitcast(to: .bfloat16).to(.float32)
        case .q8_0: try half(at: 0) * field(2..<34).bitcast(to: .int8).to(.float32)
        // d, then 16 bytes: the low nibbles are numbers 0…15, the high ones 16…31; centred at 8.
        case .q4_0: try half(at: 0) * (nibbles(2..<18).to(.float32) - 8)
        // d, m, nibbles.
        case .q4_1: try half(at: 0) * nibbles(4..<20).to(.float32) + half(at: 2)
        // d, 32 fifth bits, nibbles; centred at 16.
        case .q5_0: try half(at: 0) * (fiveBits(high: 2..<6, low: 6..<22) - 16)
        // d, m, 32 fifth bits, nibbles.
        case .q5_1: try half(at: 0) * fiveBits(high: 4..<8, low: 8..<24) + half(at: 2)
        case .iq4_NL: try half(at: 0) * looked(up: nibbles(2..<18))
        case .q2_K: try q2K()
        case .q3_K: try q3K()
        case .q4_K: try q4K()
        case .q5_K: try q5K()
        case .q6_K: try q6K()
        case .iq4_XS: try iq4XS()
        }
    }

    // MARK: Super-blocks of 256

    /// 16 bytes of 4-bit scales and minima, 64 bytes of 2-bit numbers, d, dmin.
    private func q2K() throws -> Tensor {
        let scales = try field(0..<16)
        let scale = try (half(at: 80) * (scales & 15).to(.float32)).reshaped([count, 16, 1])
        let minimum = try (half(at: 82) * (scales >> 4).to(.float32)).reshaped([count, 16, 1])
        return try scale * twoBits(16..<80).reshaped([count, 16, 16]).to(.float32) - minimum
    }

    /// 32 bytes of third bits, 64 bytes of 2-bit numbers, sixteen 6-bit scales in 12 bytes, d; centred at 4.
    private func q3K() throws -> Tensor {
        // The low nibbles of 8 bytes, then their high ones; two high bits in 4 bytes, lowest first.
        let low = try nibbles(96..<104)
        let high = try shifted(field(104..<108).reshaped([count, 1, 4]), by: 2, times: 4) & 3
        let scales = try (low | (high.reshaped([count, 16]) << 4)).to(.float32) - 32
        let third = try shifted(field(0..<32).reshaped([count, 1, 32]), by: 1, times: 8) & 1
        let numbers = try twoBits(32..<96) | (third.reshaped([count, 256]) << 2)
        let scale = try (half(at: 108) * scales).reshaped([count, 16, 1])
        return try scale * (numbers.reshaped([count, 16, 16]).to(.float32) - 4)
    }

    /// d, dmin, 12 bytes of scales and minima, 128 bytes of nibbles.
    private func q4K() throws -> Tensor {
        let (scale, minimum) = try scalesAndMinima()
        return try scale * groups(16..<144).to(.float32) - minimum
    }

    /// d, dmin, 12 bytes of scales and minima, 32 bytes of fifth bits, 128 bytes of nibbles.
    private func q5K() throws -> Tensor {
        let (scale, minimum) = try scalesAndMinima()
        let fifth = try shifted(field(16..<48).reshaped([count, 1, 32]), by: 1, times: 8) & 1
        return try scale * (groups(48..<176) | (fifth << 4)).to(.float32) - minimum
    }

    /// 128 bytes of low nibbles, 64 bytes with the two high bits, 16 signed scales, d; centred at 32.
    private func q6K() throws -> Tensor {
        // A half of the block is 128 numbers: of its 64 low bytes, 32 + 32 give their low nibbles first and their high
        // nibbles then.
        let low = try Self.nibbles(field(0..<128).reshaped([count * 2, 64])).reshaped([count * 2, 4, 32])
        let high = try shifted(field(128..<192).reshaped([count * 2, 1, 32]), by: 2, times: 4) & 3
        let numbers = try (low | (high << 4)).to(.float32) - 32
        let scale = try half(at: 208) * field(192..<208).bitcast(to: .int8).to(.float32)
        return try scale.reshaped([count, 16, 1]) * numbers.reshaped([count, 16, 16])
    }

    /// d, eight pairs of high bits of scales, eight low nibbles of them, 128 bytes of nibbles that a table explains.
    private func iq4XS() throws -> Tensor {
        let pairs = try shifted(field(4..<8).reshaped([count, 4, 1]), by: 4, times: 2, dimension: 2) & 15
        let high = try shifted(field(2..<4).reshaped([count, 2, 1]), by: 2, times: 4, dimension: 2) & 3
        let scales = try (pairs.reshaped([count, 8]) | (high.reshaped([count, 8]) << 4)).to(.float32) - 32
        let scale = try (half(at: 0) * scales).reshaped([count, 8, 1])
        let bytes = try field(8..<136).reshaped([count * 8, 16])
        return try scale * looked(up: Self.nibbles(bytes)).reshaped([count, 8, 32])
    }

    /// Of Q4_K and Q5_K: d, dmin, and eight 6-bit scales and minima in 12 bytes, each `[blocks, 8, 1]`.
    private func scalesAndMinima() throws -> (scale: Tensor, minimum: Tensor) {
        // The first four scales and minima are the low 6 bits of bytes 0…3 and 4…7; of the other four, the low nibbles
        // are in bytes 8…11 and the two high bits in bytes 0…7.
        let (first, second, third) = (try field(4..<8), try field(8..<12), try field(12..<16))
        let scales = try Tensor.concatenated([first & 63, (third & 15) | ((first >> 6) << 4)], dimension: 1)
        let minima = try Tensor.concatenated([second & 63, (third >> 4) | ((second >> 6) << 4)], dimension: 1)
        return (
            try (half(at: 0) * scales.to(.float32)).reshaped([count, 8, 1]),
            try (half(at: 2) * minima.to(.float32)).reshaped([count, 8, 1])
        )
    }

    // MARK: Parts

    /// Bytes `range` of every block.
    private func field(_ range: Range<Int>) throws -> Tensor { try raw.narrowed(1, range) }

    /// A half-precision number at `offset` of every block, `[blocks, 1]`.
    private func half(at offset: Int) throws -> Tensor {
        try field(offset..<offset + 2).contiguous().bitcast(to: .float16).to(.float32)
    }

    /// The low nibbles of the bytes in `range`, then the high ones: `[blocks, 2k]`.
    private func nibbles(_ range: Range<Int>) throws -> Tensor { try Self.nibbles(field(range)) }

    private static func nibbles(_ bytes: Tensor) throws -> Tensor {
        try Tensor.concatenated([bytes & 15, bytes >> 4], dimension: 1)
    }

    /// Of each 32 bytes in `range` two groups of 32 numbers, low nibbles and then high ones: `[blocks, 8, 32]`.
    private func groups(_ range: Range<Int>) throws -> Tensor {
        try Self.nibbles(field(range).reshaped([count * 4, 32])).reshaped([count, 8, 32])
    }

    /// Nibbles with a fifth bit each: `[blocks, 32]`, as floats.
    private func fiveBits(high: Range<Int>, low: Range<Int>) throws -> Tensor {
        let bits = try shifted(field(high).reshaped([count, 4, 1]), by: 1, times: 8, dimension: 2) & 1
        return try (nibbles(low) | (bits.reshaped([count, 32]) << 4)).to(.float32)
    }

    /// Of each 32 bytes in `range` four groups of 32 two-bit numbers, the lowest bits first: `[blocks, 256]`.
    private func twoBits(_ range: Range<Int>) throws -> Tensor {
        try (shifted(field(range).reshaped([count * 2, 1, 32]), by: 2, times: 4) & 3).reshaped([count, 256])
    }

    /// Bytes with their bits moved down by 0, `step`, 2 `step`, …, along `dimension`, which has one element.
    private func shifted(_ bytes: Tensor, by step: Int, times: Int, dimension: Int = 1) throws -> Tensor {
        let distances = try Tensor.range(0..<times, dtype: .uint8) * Double(step)
        return try bytes >> distances.reshaped(dimension == 1 ? [1, times, 1] : [1, 1, times])
    }

    /// The numbers for which nibbles stand in the IQ4 formats, in the same shape.
    private func looked(up nibbles: Tensor) throws -> Tensor {
        let numbers: [Float] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]
        return try Tensor(numbers, shape: [16]).selected(0, nibbles.reshaped([-1]).to(.int64)).reshaped(nibbles.shape)
    }
}
