/// A cursor over a GGUF file that never leaves it.
struct GGUFReader {
    /// What stands in the file about a tensor; its offset counts from the end of all headers.
    struct Header {
        let name: String
        let shape: [Int]
        /// The format's number.
        let kind: UInt32
        let offset: Int
    }

    let file: MappedFile
    var position = 0

    var remaining: Int { file.bytes.count - position }

    func malformed(_ what: String) -> TensorError {
        TensorError(.malformedFile, "\(file.path) \(what).")
    }

    mutating func integer<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
        let size = MemoryLayout<T>.size
        guard remaining >= size else { throw malformed("ends in the middle of its header (byte \(position))") }
        defer { position += size }
        return T(littleEndian: file.bytes.loadUnaligned(fromByteOffset: position, as: T.self))
    }

    mutating func int<T: FixedWidthInteger>(_ type: T.Type) throws -> Int {
        let value = try integer(type)
        guard let result = Int(exactly: value) else { throw malformed("holds the impossible number \(value)") }
        return result
    }

    /// A count of items of at least `size` bytes, so that it cannot exceed the rest of the file.
    mutating func count(minimumBytesEach size: Int) throws -> Int {
        let count = try int(UInt64.self)
        guard count >= 0, count <= remaining / size else {
            throw malformed("promises \(count) items where only \(remaining) bytes are left")
        }
        return count
    }

    mutating func string() throws -> String {
        let length = try count(minimumBytesEach: 1)
        defer { position += length }
        return String(decoding: file.bytes[position..<position + length], as: UTF8.self)
    }

    /// The header of the next tensor.
    mutating func header() throws -> Header {
        let name = try string()
        let rank = try integer(UInt32.self)
        guard (1...4).contains(rank) else { throw malformed("gives the tensor \(name) \(rank) dimensions") }
        let shape = try (0..<rank).map { _ in try int(UInt64.self) }
        let kind = try integer(UInt32.self)
        return Header(name: name, shape: shape.reversed(), kind: kind, offset: try int(UInt64.self))
    }

    /// The place of a tensor in the file, where all data begins at `start`.
    func bytes(of header: Header, _ format: GGUFFormat, from start: Int, alignment: Int) throws -> Range<Int> {
        guard let count = header.shape.productWithoutOverflow, count > 0,
            let row = header.shape.last, row % format.blockLength == 0
        else {
            throw malformed("gives the tensor \(header.name) the impossible shape \(header.shape)")
        }
        let (length, overflow) = (count / format.blockLength).multipliedReportingOverflow(by: format.blockByteCount)
        guard !overflow, header.offset % alignment == 0, start <= file.bytes.count,
            header.offset <= file.bytes.count - start, length <= file.bytes.count - start - header.offset
        else {
            throw malformed(
                "is cut off or damaged: the tensor \(header.name) reaches beyond the file's \(file.bytes.count) bytes")
        }
        return start + header.offset..<start + header.offset + length
    }

    mutating func number<T: BinaryFloatingPoint, Bits: FixedWidthInteger>(
        _ bits: Bits.Type, _ make: (Bits) -> T
    ) throws -> Double {
        Double(make(try integer(bits)))
    }

    mutating func value(key: String) throws -> GGUFValue {
        let kind = try integer(UInt32.self)
        if kind == 9 { return try array(key: key) }
        return try scalar(kind, key: key)
    }

    mutating func scalar(_ kind: UInt32, key: String) throws -> GGUFValue {
        switch kind {
        case 0: .integer(try int(UInt8.self))
        case 1: .integer(try int(Int8.self))
        case 2: .integer(try int(UInt16.self))
        case 3: .integer(try int(Int16.self))
        case 4: .integer(try int(UInt32.self))
        case 5: .integer(try int(Int32.self))
        case 6: .number(try number(UInt32.self, Float.init(bitPattern:)))
        case 7: .bool(try integer(UInt8.self) != 0)
        case 8: .string(try string())
        // Seeds, for example, use all 64 bits.
        case 10: .integer(Int(truncatingIfNeeded: try integer(UInt64.self)))
        case 11: .integer(try int(Int64.self))
        case 12: .number(try number(UInt64.self, Double.init(bitPattern:)))
        default: throw malformed("gives the metadata \(key) the unknown type \(kind)")
        }
    }

    mutating func array(key: String) throws -> GGUFValue {
        let kind = try integer(UInt32.self)
        let sizes: [UInt32: Int] = [0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 8: 8, 10: 8, 11: 8, 12: 8]
        guard let size = sizes[kind] else {
            throw malformed("gives the metadata \(key) an array of the unsupported type \(kind)")
        }
        let count = try count(minimumBytesEach: size)
        if kind == 8 { return .strings(try (0..<count).map { _ in try string() }) }
        if kind == 6 || kind == 12 {
            return .numbers(
                try (0..<count).map { _ in
                    guard case .number(let value) = try scalar(kind, key: key) else { return 0 }
                    return value
                })
        }
        return .integers(
            try (0..<count).map { _ in
                switch try scalar(kind, key: key) {
                case .integer(let value): value
                case .bool(let value): value ? 1 : 0
                default: 0
                }
            })
    }
}

extension [Int] {
    /// The product of all elements, nil when it is negative or does not fit.
    var productWithoutOverflow: Int? {
        var product = 1
        for element in self {
            let (next, overflow) = product.multipliedReportingOverflow(by: element)
            guard !overflow, element >= 0 else { return nil }
            product = next
        }
        return product
    }
}
