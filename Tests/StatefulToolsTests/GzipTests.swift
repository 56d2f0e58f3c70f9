import Foundation
import Testing

@testable import StatefulTools

@Suite struct GzipTests {
    let folder = FileManager.default.temporaryDirectory.appending(path: "coe-gzip-\(UUID())")

    private func file(_ data: Data) throws -> URL {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appending(path: "lines.jsonl.gz")
        try data.write(to: file)
        return file
    }

    private func lines(_ data: Data) throws -> [String] {
        defer { try? FileManager.default.removeItem(at: folder) }
        var lines: [String] = []
        try JSONLines.forEach(in: file(data)) { line in
            lines.append(String(decoding: line, as: UTF8.self))
            return true
        }
        return lines
    }

    @Test func `what is packed is unpacked, large files and several in one too`() throws {
        #expect(try lines(Gzip.packed(Data("a\nb".utf8))) == ["a", "b"])
        #expect(try lines(Gzip.packed(Data())) == [])
        #expect(try lines(Gzip.packed(Data("a\n".utf8)) + Gzip.packed(Data("b\n".utf8))) == ["a", "b"])
        var random = SeededGenerator(seed: 1)
        let many = (0..<50_000).map { "\($0) \(random.next())" }
        #expect(try lines(Gzip.packed(Data(many.joined(separator: "\n").utf8))) == many)
    }

    @Test func `equal data make equal bytes, which the system's gzip reads`() throws {
        let packed = try Gzip.packed(Data("hello".utf8))
        #expect(try packed == Gzip.packed(Data("hello".utf8)))
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "gzip -dc '\(try file(packed).path())'"]
        defer { try? FileManager.default.removeItem(at: folder) }
        process.standardOutput = output
        try process.run()
        #expect(try output.fileHandleForReading.readToEnd() == Data("hello".utf8))
        process.waitUntilExit()
    }

    @Test func `a cut-off and a damaged file are named`() throws {
        let packed = try Gzip.packed(Data((0..<9_000).map { "\($0 * 7919)" }.joined(separator: "\n").utf8))
        for (data, words) in [(packed.prefix(packed.count / 2), "cut off"), (damaged(packed), "damaged")] {
            let error = #expect(throws: ToolTaskError.self) { try lines(data) }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
        }
    }

    private func damaged(_ data: Data) -> Data {
        var data = data
        for place in stride(from: 200, to: data.count, by: 97) { data[place] ^= 0xFF }
        return data
    }

    @Test func `the SHA-256 of a file is the known one`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(
            try FileDigest.sha256(of: file(Data("abc".utf8)))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}
