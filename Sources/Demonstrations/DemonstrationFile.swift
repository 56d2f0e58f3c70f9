import Episodes
public import Foundation
import RepairTasks

/// A file of demonstrations, one JSON object a line, that an interrupted run can go on with.
public struct DemonstrationFile {
    /// What stands in the file.
    public private(set) var count = 0
    /// The draw to go on with.
    public private(set) var nextIndex = 0
    private var seen: Set<UInt64> = []
    private let handle: FileHandle
    private let encoder = JSONEncoder()

    /// Opens or makes the file; drops a last line that was not written to its end.
    ///
    /// - Throws: ``RepairTaskError`` when the file can't be written, or holds something else, or demonstrations made with
    ///   other options: two kinds in one file would be neither.
    public init(_ file: URL, options: SynthesisOptions) throws {
        let path = file.path(percentEncoded: false)
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let manager = FileManager.default
        if !manager.fileExists(atPath: path) {
            try? manager.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            guard manager.createFile(atPath: path, contents: nil) else {
                throw RepairTaskError(.unreadable, "\(path): the file can't be made")
            }
        }
        guard let handle = try? FileHandle(forUpdating: file) else {
            throw RepairTaskError(.unreadable, "\(path): the file can't be written")
        }
        self.handle = handle
        var end: UInt64 = 0
        try Self.forEach(in: handle) { line in
            guard let demonstration = try? JSONDecoder().decode(Demonstration.self, from: line) else {
                throw RepairTaskError(
                    .badLine, "\(path), line \(count + 1): not a demonstration; choose another file to write to")
            }
            let meta = demonstration.meta
            guard meta.seed == options.seed, meta.state == options.state, meta.family == options.family else {
                throw RepairTaskError(
                    .badLine,
                    "\(path) holds demonstrations made with other options (seed \(meta.seed), "
                        + "\(meta.family?.rawValue ?? "pairs"), state \(meta.state.rawValue)); choose another file")
            }
            count += 1
            nextIndex = meta.index + 1
            seen.insert(Self.key(demonstration))
            end += UInt64(line.count + 1)
        }
        try handle.truncate(atOffset: end)
        try handle.seek(toOffset: end)
    }

    /// Writes the demonstration, unless one with the same commands on the same program is there already.
    ///
    /// - Returns: whether it was written.
    @discardableResult
    public mutating func append(_ demonstration: Demonstration) throws -> Bool {
        guard seen.insert(Self.key(demonstration)).inserted else { return false }
        try handle.write(contentsOf: encoder.encode(demonstration) + [0x0A])
        count += 1
        nextIndex = demonstration.meta.index + 1
        return true
    }

    public func close() throws { try handle.close() }

    private static func key(_ demonstration: Demonstration) -> UInt64 {
        // FNV-1a: 64 bits are enough for what is only not written twice, and are all that is kept of it.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ text: String) {
            for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            hash = (hash ^ 0xFF) &* 0x100_0000_01B3
        }
        add(demonstration.meta.source)
        add(demonstration.task.program)
        for message in demonstration.messages where message.role == .assistant { add(message.content) }
        return hash
    }

    /// Calls `body` with each whole line.
    private static func forEach(in handle: FileHandle, _ body: (Data) throws -> Void) throws {
        var buffer = Data()
        while let chunk = try handle.read(upToCount: 1 << 18), !chunk.isEmpty {
            var start = chunk.startIndex
            while let end = chunk[start...].firstIndex(of: 0x0A) {
                try body(buffer + chunk[start..<end])
                buffer = Data()
                start = end + 1
            }
            buffer += chunk[start...]
        }
    }
}

extension Demonstration {
    /// Calls `body` with each demonstration of a file, plain or `.gz`, as it is read.
    public static func forEach(in file: URL, _ body: (Demonstration) throws -> Void) throws {
        let decoder = JSONDecoder()
        var number = 0
        try RepairTask.forEachLine(in: file) { line in
            number += 1
            if line.isEmpty { return true }
            guard let demonstration = try? decoder.decode(Demonstration.self, from: line) else {
                throw RepairTaskError(.badLine, "\(file.lastPathComponent), line \(number): not a demonstration")
            }
            try body(demonstration)
            return true
        }
    }
}
