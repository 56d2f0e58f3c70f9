public import FoundationEssentials

extension SafetensorsFile {
    /// Writes tensors in the order of their names. The file appears whole or not at all.
    ///
    /// - Parameter metadata: Strings for the header's `__metadata__`; Transformers looks for `format: pt`.
    /// - Throws: ``TensorError`` with `fileNotWritable`.
    public static func write(
        _ tensors: [String: Tensor], to file: URL, metadata: [String: String] = ["format": "pt"]
    ) throws {
        var header: [String: HeaderEntry] = ["__metadata__": .metadata(metadata)]
        var length = 0
        let names = tensors.keys.sorted()
        for name in names {
            guard let tensor = tensors[name] else { continue }
            let bytes = tensor.count * tensor.dtype.byteCount
            header[name] = .tensor(
                .init(dtype: tensor.dtype.safetensorsName, shape: tensor.shape, offsets: length..<length + bytes))
            length += bytes
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var json = try encoder.encode(header)
        // Data begins at a multiple of 8 bytes, as the format asks for.
        while json.count % 8 != 0 { json.append(0x20) }

        let output = try FileWriter(replacing: file.path(percentEncoded: false))
        try output.write(withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json)
        for name in names {
            guard let tensor = tensors[name] else { continue }
            try output.write(tensor.bytes())
        }
        try output.finish()
    }
}

private enum HeaderEntry: Encodable {
    struct Tensor {
        let dtype: String
        let shape: [Int]
        let offsets: Range<Int>
    }

    case tensor(Tensor)
    case metadata([String: String])

    private enum Key: String, CodingKey {
        case dtype, shape
        case offsets = "data_offsets"
    }

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .metadata(let pairs): try pairs.encode(to: encoder)
        case .tensor(let tensor):
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(tensor.dtype, forKey: .dtype)
            try container.encode(tensor.shape, forKey: .shape)
            try container.encode([tensor.offsets.lowerBound, tensor.offsets.upperBound], forKey: .offsets)
        }
    }
}

extension DType {
    fileprivate var safetensorsName: String {
        switch self {
        case .uint8: "U8"
        case .int8: "I8"
        case .int32: "I32"
        case .int64: "I64"
        case .float16: "F16"
        case .bfloat16: "BF16"
        case .float32: "F32"
        case .float64: "F64"
        case .bool: "BOOL"
        }
    }
}
