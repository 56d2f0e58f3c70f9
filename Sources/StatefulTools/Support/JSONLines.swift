public import Foundation

/// Files with one JSON object a line, plain or compressed by gzip (told by the first two bytes).
public enum JSONLines {
    /// Calls `body` with each line, without its line feed, until it returns false. The file is read as a stream.
    ///
    /// - Throws: ``ToolTaskError`` with code `unreadable` when the file can't be opened or unpacked.
    public static func forEach(in file: URL, _ body: (Data) throws -> Bool) throws {
        func unreadable(_ why: String) -> ToolTaskError {
            ToolTaskError(.unreadable, "\(file.path(percentEncoded: false)): \(why)")
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
