import FoundationEssentials
import JSONKeys

/// A file of named tensors in the safetensors format: a JSON header and dense little-endian data.
///
/// The file is mapped; the header's offsets are checked before use. Format: huggingface/safetensors, README.
public struct SafetensorsFile: Sendable {
    /// The place of a tensor in the file.
    public struct Entry: Hashable, Sendable {
        /// The element type; nil for one that is not read, such as an 8-bit float.
        public let dtype: DType?
        /// The file's name of the element type.
        public let typeName: String
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
    /// - Throws: ``TensorError`` for a file that cannot be read or is damaged.
    public init(path: String) throws {
        let file = try MappedFile(path: path)
        func malformed(_ what: String) -> TensorError { TensorError(.malformedFile, "\(path) \(what).") }
        guard file.bytes.count >= 8 else { throw malformed("is too short for a safetensors file") }
        let headerLength = UInt64(littleEndian: file.bytes.loadUnaligned(as: UInt64.self))
        guard headerLength <= UInt64(file.bytes.count - 8), headerLength <= 100 << 20 else {
            throw malformed("is not a safetensors file, or is cut off in its header")
        }
        let start = 8 + Int(headerLength)
        let header: [String: HeaderValue?]
        let json = Data(file.bytes[8..<start])
        if let key = repeatedKey(inJSON: json) { throw malformed("is damaged: its header has \(key) twice") }
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            header = try decoder.decode([String: HeaderValue?].self, from: json)
        } catch {
            throw malformed("has a header that is not the JSON object of a safetensors file")
        }

        var entries: [String: Entry] = [:]
        var metadata: [String: String] = [:]
        for (name, value) in header {
            switch value {
            case nil where name == "__metadata__": break
            case .metadata(let pairs)? where name == "__metadata__": metadata = pairs
            case .tensor(let tensor)? where name != "__metadata__":
                guard let bits = Self.bitCounts[tensor.dtype] else {
                    throw malformed("stores the tensor \(name) as \(tensor.dtype), which is no type of safetensors")
                }
                guard tensor.dataOffsets.count == 2, tensor.shape.allSatisfy({ $0 >= 0 }),
                    let size = (tensor.shape + [bits]).productWithoutOverflow, size % 8 == 0,
                    tensor.dataOffsets[0] >= 0, tensor.dataOffsets[0] <= tensor.dataOffsets[1],
                    tensor.dataOffsets[1] <= file.bytes.count - start,
                    tensor.dataOffsets[1] - tensor.dataOffsets[0] == size / 8
                else {
                    throw malformed(
                        "is cut off or damaged: the tensor \(name) does not fit the file's \(file.bytes.count) bytes")
                }
                entries[name] = Entry(
                    dtype: DType(safetensors: tensor.dtype), typeName: tensor.dtype, shape: tensor.shape,
                    bytes: start + tensor.dataOffsets[0]..<start + tensor.dataOffsets[1])
            default: throw malformed("has a header that is not the JSON object of a safetensors file")
            }
        }
        try Self.check(entries.values.map(\.bytes), start..<file.bytes.count, malformed)
        self.entries = entries
        self.metadata = metadata
        self.file = file
    }

    /// As safetensors demands it: no gap, no byte that two tensors share.
    private static func check(_ tensors: [Range<Int>], _ data: Range<Int>, _ malformed: (String) -> TensorError) throws
    {
        var end = data.lowerBound
        for range in tensors.sorted(by: { ($0.lowerBound, $0.count) < ($1.lowerBound, $1.count) }) {
            guard range.lowerBound == end else {
                throw malformed("is damaged: its tensors overlap or leave a gap at byte \(end)")
            }
            end = range.upperBound
        }
        guard end == data.upperBound else {
            throw malformed("is damaged: \(data.upperBound - end) of its bytes belong to no tensor")
        }
    }

    /// Bits of an element by the format's names.
    private static let bitCounts: [String: Int] = [
        "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8,
        "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32,
        "F32": 32, "U64": 64, "I64": 64, "F64": 64, "C64": 64,
    ]

    /// The file's path.
    public var path: String { file.path }

    /// The tensor `name` as it is stored; nil where the file has none of that name.
    ///
    /// - Throws: ``TensorError`` with `unsupported` for a type that is not read.
    public func tensor(_ name: String) throws -> Tensor? {
        guard let entry = entries[name] else { return nil }
        guard let dtype = entry.dtype else {
            throw TensorError(
                .unsupported,
                "\(path) stores the tensor \(name) as \(entry.typeName), which is not supported; take the model in 16-bit "
                    + "floats, or as a GGUF file.")
        }
        // A copy: rows in the file need not be aligned to the element's size.
        return try Tensor(
            copying: UnsafeRawBufferPointer(rebasing: file.bytes[entry.bytes]), dtype: dtype, shape: entry.shape)
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
