import FoundationEssentials

/// A file of named tensors in the safetensors format: a JSON header and dense little-endian data.
///
/// The file is mapped; the header's offsets are checked before use. Format: huggingface/safetensors, README.
public struct SafetensorsFile: Sendable {
    /// The place of a tensor in the file.
    public struct Entry: Hashable, Sendable {
        /// The element type.
        public let dtype: DType
        /// The sizes in row-major order, slowest first.
        public let shape: [Int]
        let bytes: Range<Int>
    }

    /// The tensors by name.
    public let entries: [String: Entry]
    /// The header's `__metadata__`.
    public let metadata: [String: String]
    private let file: MappedFile

    /// Opens a file and reads its header.
    ///
    /// - Throws: ``TensorError`` for a file that cannot be read, is damaged, or holds a type that is not supported.
    public init(path: String) throws {
        let file = try MappedFile(path: path)
        func malformed(_ what: String) -> TensorError { TensorError(.malformedFile, "\(path) \(what).") }
        guard file.bytes.count >= 8 else { throw malformed("is too short for a safetensors file") }
        let headerLength = UInt64(littleEndian: file.bytes.loadUnaligned(as: UInt64.self))
        guard headerLength <= UInt64(file.bytes.count - 8), headerLength <= 100 << 20 else {
            throw malformed("is not a safetensors file, or is cut off in its header")
        }
        let start = 8 + Int(headerLength)
        let header: [String: HeaderValue]
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            header = try decoder.decode(
                [String: HeaderValue].self, from: Data(file.bytes[8..<start]))
        } catch {
            throw malformed("has a header that is not the JSON object of a safetensors file")
        }

        var entries: [String: Entry] = [:]
        var metadata: [String: String] = [:]
        for (name, value) in header {
            switch value {
            case .metadata(let pairs):
                metadata = pairs
            case .tensor(let tensor):
                guard let dtype = DType(safetensors: tensor.dtype) else {
                    throw TensorError(
                        .unsupported, "\(path) stores the tensor \(name) as \(tensor.dtype), which is not supported.")
                }
                guard tensor.dataOffsets.count == 2, let count = tensor.shape.productWithoutOverflow,
                    tensor.dataOffsets[0] >= 0, tensor.dataOffsets[0] <= tensor.dataOffsets[1],
                    tensor.dataOffsets[1] <= file.bytes.count - start,
                    (tensor.dataOffsets[1] - tensor.dataOffsets[0]) / dtype.byteCount == count,
                    (tensor.dataOffsets[1] - tensor.dataOffsets[0]) % dtype.byteCount == 0
                else {
                    throw malformed(
                        "is cut off or damaged: the tensor \(name) does not fit the file's \(file.bytes.count) bytes")
                }
                entries[name] = Entry(
                    dtype: dtype, shape: tensor.shape,
                    bytes: start + tensor.dataOffsets[0]..<start + tensor.dataOffsets[1])
            }
        }
        self.entries = entries
        self.metadata = metadata
        self.file = file
    }

    /// The file's path.
    public var path: String { file.path }

    /// The tensor `name` as it is stored; nil where the file has none of that name.
    public func tensor(_ name: String) throws -> Tensor? {
        guard let entry = entries[name] else { return nil }
        // A copy: rows in the file need not be aligned to the element's size.
        return try Tensor(
            copying: UnsafeRawBufferPointer(rebasing: file.bytes[entry.bytes]), dtype: entry.dtype, shape: entry.shape)
    }
}

private enum HeaderValue: Decodable {
    struct Tensor: Decodable {
        let dtype: String
        let shape: [Int]
        let dataOffsets: [Int]
    }

    case tensor(Tensor)
    case metadata([String: String])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let tensor = try? container.decode(Tensor.self) {
            self = .tensor(tensor)
        } else {
            self = .metadata(try container.decode([String: String].self))
        }
    }
}

extension DType {
    fileprivate init?(safetensors name: String) {
        switch name {
        case "U8": self = .uint8
        case "I8": self = .int8
        case "I32": self = .int32
        case "I64": self = .int64
        case "F16": self = .float16
        case "BF16": self = .bfloat16
        case "F32": self = .float32
        case "F64": self = .float64
        case "BOOL": self = .bool
        default: return nil
        }
    }
}
