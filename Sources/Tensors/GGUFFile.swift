/// A model file in GGUF, versions 2 and 3: metadata, a vocabulary and quantised weights.
///
/// The file is mapped, not read; every length and offset in it is checked before use, so that a damaged or hostile
/// file is refused with a sentence. Format: ggml-org/ggml, docs/gguf.md.
public struct GGUFFile: Sendable {
    /// The place and format of a tensor in the file.
    public struct Entry: Hashable, Sendable {
        /// Sizes in row-major order, slowest first (GGUF itself lists the fastest first).
        public let shape: [Int]
        /// The format of its numbers.
        public let format: GGUFFormat
        let bytes: Range<Int>
    }

    /// The metadata by key, for example `general.architecture`.
    public let metadata: [String: GGUFValue]
    /// The tensors by name.
    public let entries: [String: Entry]
    private let file: MappedFile

    /// Opens a file and reads its header.
    ///
    /// - Throws: ``TensorError`` for a file that cannot be read, is damaged, or uses a version or format that is not supported.
    public init(path: String) throws {
        let file = try MappedFile(path: path)
        var reader = Reader(file: file)
        guard file.bytes.count >= 24, try reader.integer(UInt32.self) == 0x4655_4747 else {
            throw reader.malformed("does not begin with the letters GGUF, so it is not a GGUF file")
        }
        let version = try reader.integer(UInt32.self)
        guard version == 2 || version == 3 else {
            throw TensorError(.unsupported, "\(path) is GGUF version \(version); versions 2 and 3 are supported.")
        }
        let tensorCount = try reader.count(minimumBytesEach: 24)
        let metadataCount = try reader.count(minimumBytesEach: 13)

        var metadata: [String: GGUFValue] = [:]
        for _ in 0..<metadataCount {
            let key = try reader.string()
            metadata[key] = try reader.value(key: key)
        }

        var alignment = 32
        if case .integer(let declared)? = metadata["general.alignment"] { alignment = declared }
        guard alignment > 0, alignment <= 1 << 20, alignment & (alignment - 1) == 0 else {
            throw reader.malformed("has the alignment \(alignment), which is not a power of two")
        }

        let headers = try (0..<tensorCount).map { _ in try reader.header() }
        let start = (reader.position + alignment - 1) / alignment * alignment
        var entries: [String: Entry] = [:]
        for header in headers {
            let bytes = try reader.bytes(of: header, from: start, alignment: alignment)
            let entry = Entry(shape: header.shape, format: header.format, bytes: bytes)
            guard entries.updateValue(entry, forKey: header.name) == nil else {
                throw reader.malformed("holds the tensor \(header.name) twice")
            }
        }
        self.metadata = metadata
        self.entries = entries
        self.file = file
    }

    /// The file's path.
    public var path: String { file.path }

    /// The tensor `name` as 32-bit floats; nil where the file has none of that name.
    public func tensor(_ name: String) throws -> Tensor? {
        guard let entry = entries[name] else { return nil }
        let width = entry.shape.last ?? 1
        let result = try Tensor.empty([entry.shape.reduce(1, *) / width, width])
        var start = 0
        try forEachPiece(of: name) { piece in
            try result.narrowed(0, start..<start + piece.shape[0]).write(piece)
            start += piece.shape[0]
        }
        return try result.reshaped(entry.shape)
    }

    /// The tensor `name` as 32-bit floats in pieces `[rows, width]` of a few megabytes from top to bottom, so that
    /// unpacking needs little memory; no piece where the file has none of that name.
    public func forEachPiece(of name: String, _ body: (Tensor) throws -> Void) throws {
        guard let entry = entries[name] else { return }
        let width = entry.shape.last ?? 1
        let rows = entry.shape.reduce(1, *) / width
        let bytesPerRow = entry.bytes.count / rows
        let rowsPerPiece = max(1, (1 << 21) / width)
        for start in stride(from: 0, to: rows, by: rowsPerPiece) {
            let count = min(rowsPerPiece, rows - start)
            let offset = entry.bytes.lowerBound + start * bytesPerRow
            let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[offset..<offset + count * bytesPerRow])
            try body(try entry.format.dequantized(bytes, shape: [count, width], owner: file))
        }
        // The pages are not needed again soon, and would count as this process's memory.
        file.forget(entry.bytes)
    }
}

// MARK: Metadata by type

extension GGUFFile {
    /// The string under `key`; nil where there is none.
    public func string(_ key: String) -> String? {
        if case .string(let value)? = metadata[key] { value } else { nil }
    }

    /// The integer under `key`; nil where there is none.
    public func integer(_ key: String) -> Int? {
        if case .integer(let value)? = metadata[key] { value } else { nil }
    }

    /// The number under `key`, which may be an integer; nil where there is none.
    public func number(_ key: String) -> Double? {
        switch metadata[key] {
        case .number(let value)?: value
        case .integer(let value)?: Double(value)
        default: nil
        }
    }

    /// The truth value under `key`; nil where there is none.
    public func bool(_ key: String) -> Bool? {
        if case .bool(let value)? = metadata[key] { value } else { nil }
    }

    /// The list of strings under `key`; nil where there is none.
    public func strings(_ key: String) -> [String]? {
        if case .strings(let value)? = metadata[key] { value } else { nil }
    }

    /// The list of integers or truth values (1 and 0) under `key`; nil where there is none.
    public func integers(_ key: String) -> [Int]? {
        if case .integers(let value)? = metadata[key] { value } else { nil }
    }

    /// The list of numbers under `key`; nil where there is none.
    public func numbers(_ key: String) -> [Double]? {
        if case .numbers(let value)? = metadata[key] { value } else { nil }
    }
}

// MARK: Reading

/// A cursor over the file that never leaves it.
private struct Reader {
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

    /// The header of a tensor; its offset counts from the end of all headers.
    mutating func header() throws -> (name: String, shape: [Int], format: GGUFFormat, offset: Int) {
        let name = try string()
        let rank = try integer(UInt32.self)
        guard (1...4).contains(rank) else { throw malformed("gives the tensor \(name) \(rank) dimensions") }
        let shape = try (0..<rank).map { _ in try int(UInt64.self) }
        let kind = try integer(UInt32.self)
        guard let format = GGUFFormat(rawValue: kind) else {
            let known = GGUFFormat.allCases.map(\.description).joined(separator: ", ")
            throw TensorError(
                .unsupported, "\(file.path) stores the tensor \(name) as GGML type \(kind); supported are \(known).")
        }
        return (name, shape.reversed(), format, try int(UInt64.self))
    }

    /// The place of a tensor in the file, where all data begins at `start`.
    func bytes(
        of header: (name: String, shape: [Int], format: GGUFFormat, offset: Int), from start: Int, alignment: Int
    ) throws -> Range<Int> {
        guard let count = header.shape.productWithoutOverflow, count > 0,
            let row = header.shape.last, row % header.format.blockLength == 0
        else {
            throw malformed("gives the tensor \(header.name) the impossible shape \(header.shape)")
        }
        let (length, overflow) = (count / header.format.blockLength)
            .multipliedReportingOverflow(by: header.format.blockByteCount)
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
