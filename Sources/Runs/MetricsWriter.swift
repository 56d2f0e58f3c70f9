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
            if !FileManager.default.fileExists(atPath: path) { try Data().write(to: folder.metricsFile) }
            let handle = try FileHandle(forWritingTo: folder.metricsFile)
            try handle.seekToEnd()
            return handle
        }
        tensorBoard = try folder.writing { try TensorBoardWriter(folder: folder.url) }
        encoder.outputFormatting = [.sortedKeys]
    }

    deinit { try? handle.close() }

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
