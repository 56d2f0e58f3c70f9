public import Foundation
import Runs
public import StatefulTools

/// A file of demonstrations, one JSON object a line, that an interrupted run can go on with.
public struct DemonstrationFile {
    /// Demonstrations in the file.
    public private(set) var count = 0
    /// The draw to go on with.
    public private(set) var nextIndex = 0
    private var seen: Set<UInt64> = []
    private let handle: FileHandle
    private let path: String
    private let encoder = JSONEncoder()

    /// Opens or makes the file; drops a last line that was not written to its end.
    ///
    /// - Throws: ``ToolTaskError`` when the file can't be written, or holds something else, or holds demonstrations made
    ///   with other options.
    public init(_ file: URL, options: LessonOptions) throws {
        let path = file.path(percentEncoded: false)
        self.path = path
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let manager = FileManager.default
        if !manager.fileExists(atPath: path) {
            try? manager.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            guard manager.createFile(atPath: path, contents: nil) else {
                throw ToolTaskError(.unreadable, "\(path): the file can't be made")
            }
        }
        guard let handle = try? FileHandle(forUpdating: file) else {
            throw ToolTaskError(.unreadable, "\(path): the file can't be written")
        }
        self.handle = handle
        var end: UInt64 = 0
        try Self.forEach(in: handle) { line in
            guard let demonstration = try? JSONDecoder().decode(Demonstration.self, from: line) else {
                throw ToolTaskError(
                    .badLine, "\(path), line \(count + 1): not a demonstration; choose another file to write to")
            }
            let meta = demonstration.meta
            guard meta.seed == options.seed, meta.prompt == options.prompt, meta.family == options.family else {
                throw ToolTaskError(
                    .badLine,
                    "\(path) holds demonstrations made with other options (seed \(meta.seed), "
                        + "\(meta.family ?? "no corruptions"), prompt \(meta.prompt.rawValue)); choose another file")
            }
            count += 1
            nextIndex = meta.index + 1
            seen.insert(Self.key(demonstration))
            end += UInt64(line.count + 1)
        }
        try handle.truncate(atOffset: end)
        try handle.seek(toOffset: end)
    }

    /// Writes the demonstration, unless one with the same commands from the same start is there already.
    ///
    /// - Returns: whether it was written.
    /// - Throws: `RunError` with `unwritable` when the disk refuses it.
    @discardableResult
    public mutating func append(_ demonstration: Demonstration) throws -> Bool {
        guard seen.insert(Self.key(demonstration)).inserted else { return false }
        let line = try encoder.encode(demonstration) + [0x0A]
        do {
            try handle.write(contentsOf: line)
        } catch {
            throw RunError(
                .unwritable,
                "\(path) can't be written: \(words(of: error)) The same command goes on from what is there.")
        }
        count += 1
        nextIndex = demonstration.meta.index + 1
        return true
    }

    /// Closes the file.
    public func close() throws { try handle.close() }

    /// 64 bits tell demonstrations apart well enough, and are all that memory keeps of each.
    private static func key(_ demonstration: Demonstration) -> UInt64 {
        var hash = StableHash()
        func add(_ text: String) {
            hash.add(text)
            hash.addSeparator()
        }
        add(demonstration.meta.source)
        add(JSONValue.object(demonstration.task.fields).compactText)
        for message in demonstration.messages where message.role == .assistant { add(message.content) }
        return hash.value
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
    ///
    /// - Throws: ``ToolTaskError`` that names the first line that is no demonstration, or why the file can't be read.
    public static func forEach(in file: URL, _ body: (Demonstration) throws -> Void) throws {
        let decoder = JSONDecoder()
        var number = 0
        try JSONLines.forEach(in: file) { line in
            number += 1
            if line.isBlank { return true }
            let demonstration: Demonstration
            do {
                demonstration = try decoder.decode(Demonstration.self, from: line)
            } catch {
                throw ToolTaskError(
                    .badLine,
                    "\(file.lastPathComponent), line \(number): not a demonstration: \(ToolTaskError.sentence(error))")
            }
            try body(demonstration)
            return true
        }
    }

    /// Whether a file is one of demonstrations, by the messages in its first line that is not blank.
    public static func isFile(_ file: URL) -> Bool {
        struct Line: Decodable { var messages: JSONValue? }
        var found = false
        try? JSONLines.forEach(in: file) { line in
            if line.isBlank { return true }
            found = (try? JSONDecoder().decode(Line.self, from: line))?.messages != nil
            return false
        }
        return found
    }
}
