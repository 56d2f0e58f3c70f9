/// A model file in GGUF, versions 2 and 3: metadata, a vocabulary and quantised weights.
///
/// The file is mapped, not read; every length and offset in it is checked before use, so that a damaged or hostile
/// file is refused with a sentence. A model split into several files is opened by its first one. Format: ggml-org/ggml,
/// docs/gguf.md.
public struct GGUFFile: Sendable {
    /// The place and format of a tensor in the file.
    public struct Entry: Hashable, Sendable {
        /// Sizes in row-major order, slowest first (GGUF itself lists the fastest first).
        public let shape: [Int]
        /// The format of its numbers; nil for one that is not read.
        public let format: GGUFFormat?
        /// ggml's name of the format.
        public let formatName: String
        /// Its bytes in the file; empty for a format that is not read.
        let bytes: Range<Int>
        /// Its file's place among ``GGUFFile/files``.
        let file: Int
    }

    /// The metadata by key, for example `general.architecture`.
    public let metadata: [String: GGUFValue]
    /// The tensors by name.
    public let entries: [String: Entry]
    private let files: [MappedFile]

    /// Opens a file and reads its header; of a split model also the other files, which lie beside the first.
    ///
    /// - Throws: ``TensorError`` for a file that cannot be read, is damaged, or uses a version or format that is not supported.
    public init(path: String) throws {
        var part = try GGUFPart(path: path, number: 0)
        let count = part.metadata["split.count"]?.integer ?? 1
        var files = [part.file]
        if count > 1 {
            let name = try Self.splitName(of: path, count: count, part.metadata["split.no"]?.integer)
            for number in 1..<count {
                let next = try GGUFPart(path: name(number), number: number)
                guard next.metadata["split.no"]?.integer == number, next.metadata["split.count"]?.integer == count
                else { throw TensorError(.malformedFile, "\(next.file.path) is no part of the model in \(path).") }
                for (name, entry) in next.entries where part.entries.updateValue(entry, forKey: name) != nil {
                    throw TensorError(
                        .malformedFile, "\(next.file.path) holds the tensor \(name), which an earlier part has.")
                }
                files.append(next.file)
            }
            guard part.metadata["split.tensors.count"]?.integer ?? part.entries.count == part.entries.count else {
                throw TensorError(
                    .malformedFile,
                    "\(path) and its other parts hold \(part.entries.count) tensors, not as many as it says.")
            }
        }
        metadata = part.metadata
        entries = part.entries
        self.files = files
    }

    /// The path of each part of a split model: `NAME-00001-of-00003.gguf`.
    private static func splitName(of path: String, count: Int, _ number: Int?) throws -> (Int) -> String {
        func ending(_ number: Int) -> String {
            func digits(_ number: Int) -> String {
                String(repeating: "0", count: max(0, 5 - "\(number)".count)) + "\(number)"
            }
            return "-\(digits(number + 1))-of-\(digits(count)).gguf"
        }
        guard count <= 99_999, number == 0, path.hasSuffix(ending(0)) else {
            throw TensorError(
                .unsupported,
                "\(path) is one of \(count) parts of a model: name the first one, which ends in \(ending(0)), and keep "
                    + "the others beside it.")
        }
        let stem = path.dropLast(ending(0).count)
        return { stem + ending($0) }
    }

    /// The file's path.
    public var path: String { files[0].path }

    /// The tensor `name` as 32-bit floats; nil where the file has none of that name.
    ///
    /// - Throws: ``TensorError`` with `unsupported` for a format that is not read.
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
    ///
    /// - Throws: ``TensorError`` with `unsupported` for a format that is not read.
    public func forEachPiece(of name: String, _ body: (Tensor) throws -> Void) throws {
        guard let entry = entries[name] else { return }
        guard let format = entry.format else {
            let known = GGUFFormat.allCases.map(\.description).joined(separator: ", ")
            throw TensorError(
                .unsupported,
                "\(path) stores the tensor \(name) as \(entry.formatName), which is not supported; supported are "
                    + "\(known).")
        }
        let file = files[entry.file]
        let width = entry.shape.last ?? 1
        let rows = entry.shape.reduce(1, *) / width
        let bytesPerRow = entry.bytes.count / rows
        let rowsPerPiece = max(1, (1 << 21) / width)
        for start in stride(from: 0, to: rows, by: rowsPerPiece) {
            let count = min(rowsPerPiece, rows - start)
            let offset = entry.bytes.lowerBound + start * bytesPerRow
            let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[offset..<offset + count * bytesPerRow])
            try body(try GGUFBlocks(bytes, format, owner: file).numbers().reshaped([count, width]))
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
        metadata[key]?.integer
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
