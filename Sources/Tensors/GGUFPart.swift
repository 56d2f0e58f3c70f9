/// One file of a GGUF model: its metadata and the places of its tensors.
struct GGUFPart {
    let file: MappedFile
    let metadata: [String: GGUFValue]
    var entries: [String: GGUFFile.Entry]

    /// - Parameter number: The file's place among those of the model.
    init(path: String, number: Int) throws {
        file = try MappedFile(path: path)
        var reader = GGUFReader(file: file)
        guard file.bytes.count >= 24, try reader.integer(UInt32.self) == 0x4655_4747 else {
            throw reader.malformed("does not begin with the letters GGUF, so it is not a GGUF file")
        }
        let version = try reader.integer(UInt32.self)
        guard ![2, 3].contains(version.byteSwapped) else {
            throw TensorError(
                .unsupported, "\(path) is a big-endian GGUF file: convert it to little-endian, which alone is read.")
        }
        guard version == 2 || version == 3 else {
            throw TensorError(.unsupported, "\(path) is GGUF version \(version); versions 2 and 3 are supported.")
        }
        let tensorCount = try reader.count(minimumBytesEach: 24)
        let metadataCount = try reader.count(minimumBytesEach: 13)

        var metadata: [String: GGUFValue] = [:]
        for _ in 0..<metadataCount {
            let key = try reader.string()
            guard metadata.updateValue(try reader.value(key: key), forKey: key) == nil else {
                throw reader.malformed("gives the metadata \(key) twice")
            }
        }
        let alignment = metadata["general.alignment"]?.integer ?? 32
        guard alignment > 0, alignment <= 1 << 20, alignment & (alignment - 1) == 0 else {
            throw reader.malformed("has the alignment \(alignment), which is not a power of two")
        }

        let headers = try (0..<tensorCount).map { _ in try reader.header() }
        let start = (reader.position + alignment - 1) / alignment * alignment
        entries = [:]
        for header in headers {
            guard header.shape.productWithoutOverflow ?? 0 > 0 else {
                throw reader.malformed("gives the tensor \(header.name) the impossible shape \(header.shape)")
            }
            let format = GGUFFormat(rawValue: header.kind)
            let bytes = try format.map { try reader.bytes(of: header, $0, from: start, alignment: alignment) }
            let entry = GGUFFile.Entry(
                shape: header.shape, format: format,
                formatName: format?.description ?? GGUFFormat.name(ofOther: header.kind), bytes: bytes ?? 0..<0,
                file: number)
            guard entries.updateValue(entry, forKey: header.name) == nil else {
                throw reader.malformed("holds the tensor \(header.name) twice")
            }
        }
        self.metadata = metadata
    }
}
