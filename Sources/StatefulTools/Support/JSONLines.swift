public import Foundation

/// Files with one JSON object a line, plain or compressed by gzip (told by the first two bytes).
public enum JSONLines {
    /// The most bytes of a line. A small gzip file can hold one that fills the memory.
    private static let longestLine = 256 << 20

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
        guard !isFolder.boolValue, let input = try? FileHandle(forReadingFrom: file) else {
            throw unreadable("it can't be read")
        }
        let isCompressed = try input.read(upToCount: 2) == Data(Gzip.magic)
        try input.seek(toOffset: 0)
        let unpacker = isCompressed ? try Gzip.Unpacker() : nil

        var buffer = Data()
        var isFirst = true
        /// A line without the byte order mark that a file may begin with.
        func line(_ line: Data) -> Data {
            defer { isFirst = false }
            return isFirst && line.starts(with: [0xEF, 0xBB, 0xBF]) ? Data(line.dropFirst(3)) : line
        }
        // A piece of a gzip file may unpack to its thousandfold.
        while let piece = try input.read(upToCount: isCompressed ? 1 << 12 : 1 << 16), !piece.isEmpty {
            var chunk = piece
            if let unpacker {
                do {
                    chunk = try unpacker.unpack(piece)
                } catch {
                    throw unreadable("\(error)")
                }
            }
            var start = chunk.startIndex
            while let end = chunk[start...].firstIndex(of: 0x0A) {
                guard try body(line(buffer + chunk[start..<end])) else { return }
                buffer.removeAll(keepingCapacity: true)
                start = end + 1
            }
            buffer += chunk[start...]
            guard buffer.count <= longestLine else { throw unreadable("a line has more than \(longestLine) bytes") }
        }
        if unpacker?.isWhole == false { throw unreadable("the gzip data are cut off") }
        if !buffer.isEmpty { _ = try body(line(buffer)) }
    }
}

extension Data {
    /// Whether a line holds nothing.
    package var isBlank: Bool { allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D } }
}
