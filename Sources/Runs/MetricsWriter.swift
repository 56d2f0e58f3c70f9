import Foundation

/// Appends the numbers of each step to a run's `metrics.jsonl` and to its TensorBoard file.
public final class MetricsWriter {
    private let folder: RunFolder
    private let handle: FileHandle
    private var tensorBoard: TensorBoardWriter
    private let encoder = JSONEncoder()

    /// Opens the files of a run's folder, which must exist.
    ///
    /// - Throws: ``RunError`` with code `unwritable`.
    public init(_ folder: RunFolder) throws {
        self.folder = folder
        handle = try folder.writing {
            let path = folder.metricsFile.path(percentEncoded: false)
            let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw RunError(.unwritable, String(cString: strerror(errno)) + ".") }
            return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        }
        tensorBoard = try folder.writing { try TensorBoardWriter(folder: folder.url) }
        encoder.outputFormatting = [.sortedKeys]
    }

    /// Writes one step's numbers.
    ///
    /// - Throws: ``RunError`` with code `unwritable`.
    public func append(_ values: [String: Double], step: Int) throws {
        var line = values
        line["step"] = Double(step)
        try folder.writing {
            try handle.write(contentsOf: encoder.encode(line) + [0x0A])
            try tensorBoard.scalars(values, step: step)
        }
    }
}
