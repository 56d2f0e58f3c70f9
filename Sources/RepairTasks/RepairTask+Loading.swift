public import Foundation

extension RepairTask {
    /// Reads tasks from a file with one JSON object a line, plain or compressed by gzip (told by its first two bytes).
    ///
    /// The file is read as a stream; with a `limit` the rest of it is neither unpacked nor checked.
    ///
    /// - Throws: ``RepairTaskError`` that names the first line that is no task, or why the file can't be read.
    public static func load(from file: URL, limit: Int? = nil) throws -> [RepairTask] {
        var tasks: [RepairTask] = []
        if limit == 0 { return tasks }
        try forEach(in: file) { task in
            tasks.append(task)
            return tasks.count != limit
        }
        return tasks
    }

    /// Calls `body` with each task of a file as it is read, until it returns false.
    public static func forEach(in file: URL, _ body: (RepairTask) throws -> Bool) throws {
        let name = file.lastPathComponent
        let decoder = JSONDecoder()
        var lineOfID: [String: Int] = [:]
        var number = 0
        try forEachLine(in: file) { line in
            number += 1
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { return true }
            let task: RepairTask
            do {
                task = try decoder.decode(RepairTask.self, from: line)
            } catch {
                throw RepairTaskError(.badLine, "\(name), line \(number): \(sentence(error))")
            }
            if let first = lineOfID.updateValue(number, forKey: task.id) {
                throw RepairTaskError(
                    .badLine, "\(name), line \(number): the id \"\(task.id)\" is that of line \(first) too")
            }
            return try body(task)
        }
    }

    static func sentence(_ error: any Error) -> String {
        func path(_ context: DecodingError.Context, _ key: (any CodingKey)? = nil) -> String {
            (context.codingPath + (key.map { [$0] } ?? []))
                .map { $0.intValue.map { "item \($0 + 1)" } ?? $0.stringValue }.joined(separator: ", ")
        }
        switch error as? DecodingError {
        case .keyNotFound(let key, let context)?: return "the field \"\(path(context, key))\" is missing"
        case .typeMismatch(let type, let context)?, .valueNotFound(let type, let context)?:
            return context.codingPath.isEmpty
                ? "it is not a JSON object" : "the field \"\(path(context))\" is not a \(type)"
        case .dataCorrupted(let context)? where !context.codingPath.isEmpty:
            return "the field \"\(path(context))\": \(context.debugDescription)"
        default: return "it is not JSON"
        }
    }

    /// Calls `body` with each line, without its line feed, until it returns false.
    public static func forEachLine(in file: URL, _ body: (Data) throws -> Bool) throws {
        func unreadable(_ why: String) -> RepairTaskError {
            RepairTaskError(.unreadable, "\(file.path(percentEncoded: false)): \(why)")
        }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: file.path(percentEncoded: false), isDirectory: &isFolder) else {
            throw unreadable("there is no such file")
        }
        guard !isFolder.boolValue, let plain = try? FileHandle(forReadingFrom: file) else {
            throw unreadable("it can't be read")
        }
        var input = plain
        let isCompressed = try plain.read(upToCount: 2) == Data([0x1F, 0x8B])
        try plain.seek(toOffset: 0)

        // gzip's own program unpacks in parallel with the decoding and leaves us no library to link.
        let gzip = Process()
        if isCompressed {
            let output = Pipe()
            gzip.executableURL = URL(filePath: "/usr/bin/env")
            gzip.arguments = ["gzip", "-dc"]
            gzip.standardInput = plain
            gzip.standardOutput = output
            gzip.standardError = FileHandle.nullDevice
            try gzip.run()
            input = output.fileHandleForReading
        }
        defer {
            if gzip.isRunning { gzip.terminate() }
        }

        var buffer = Data()
        while let chunk = try input.read(upToCount: 1 << 16), !chunk.isEmpty {
            var start = chunk.startIndex
            while let end = chunk[start...].firstIndex(of: 0x0A) {
                guard try body(buffer + chunk[start..<end]) else { return }
                buffer.removeAll(keepingCapacity: true)
                start = end + 1
            }
            buffer += chunk[start...]
        }
        if isCompressed {
            gzip.waitUntilExit()
            if gzip.terminationStatus != 0 { throw unreadable("gzip can't unpack it; it is cut off or damaged") }
        }
        if !buffer.isEmpty { _ = try body(buffer) }
    }
}
