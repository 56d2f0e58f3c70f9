import Foundation
import PythonRepair
import StatefulTools
import Testing

/// A web server on this machine alone, with one folder.
final class LocalServer {
    let folder: URL
    let address: String
    private let process = Process()

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "server-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
        process.currentDirectoryURL = folder
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        // "Serving HTTP on 127.0.0.1 port 40001 (http://127.0.0.1:40001/) ..."
        var line = ""
        while !line.contains("\n"), let data = try output.fileHandleForReading.read(upToCount: 1), !data.isEmpty {
            line += String(decoding: data, as: UTF8.self)
        }
        let port = line.components(separatedBy: "port ").last?.prefix { $0.isNumber } ?? ""
        address = "http://127.0.0.1:\(port)/"
    }

    func set(_ content: String, digest: String? = nil) throws -> DataSet {
        try Data(content.utf8).write(to: folder.appending(path: "set.jsonl"))
        return DataSet(
            name: "set", file: "set.jsonl", url: URL(string: address + "set.jsonl")!, digest: digest, source: "a test")
    }

    func stop() {
        kill(process.processIdentifier, SIGKILL)
    }
}

@Suite(.serialized) struct DataSetTests {
    /// SHA-256 of "abc" (FIPS 180-2, appendix B.1).
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    let folder = FileManager.default.temporaryDirectory.appending(path: "cache-\(UUID())")

    func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path(percentEncoded: false)).sorted()
    }

    @Test func `a file with the published digest is kept, and not fetched again`() async throws {
        let server = try LocalServer()
        let set = try server.set("abc", digest: abc)
        let first = try await set.fetch(into: folder)
        #expect(first.trust == .published && !first.wasPresent && first.digest == abc)
        #expect(try String(contentsOf: first.file, encoding: .utf8) == "abc")
        server.stop()
        let second = try await set.fetch(into: folder)
        #expect(second.wasPresent)
    }

    @Test func `a file with another digest is refused, and nothing is left of it`() async throws {
        let server = try LocalServer()
        defer { server.stop() }
        let set = try server.set("abd", digest: abc)
        let error = await #expect(throws: ToolTaskError.self) { try await set.fetch(into: folder) }
        #expect(error?.code == .fetch)
        #expect(error?.description.contains(abc) == true)
        #expect(try files().isEmpty)
    }

    @Test func `without a published digest the first fetch records it, and a later one must have it`() async throws {
        let server = try LocalServer()
        defer { server.stop() }
        let first = try await server.set("abc").fetch(into: folder)
        #expect(first.trust == .firstUse && first.digest == abc)
        #expect(try files() == ["set.jsonl", "set.jsonl.sha256"])
        try FileManager.default.removeItem(at: first.file)
        #expect(try await server.set("abc").fetch(into: folder).trust == .recorded)
        try FileManager.default.removeItem(at: first.file)
        let changed = try server.set("changed")
        await #expect(throws: ToolTaskError.self) { try await changed.fetch(into: folder) }
        #expect(try files() == ["set.jsonl.sha256"])
    }

    @Test func `a damaged file is fetched again`() async throws {
        let server = try LocalServer()
        defer { server.stop() }
        let set = try server.set("abc", digest: abc)
        let file = try await set.fetch(into: folder).file
        try Data("ab".utf8).write(to: file)
        #expect(try await !set.fetch(into: folder).wasPresent)
        #expect(try String(contentsOf: file, encoding: .utf8) == "abc")
    }

    @Test func `what is not there, and a server that is not there, are named`() async throws {
        let server = try LocalServer()
        var set = try server.set("abc")
        set.url = URL(string: server.address + "other.jsonl")!
        let missing = await failure(of: set)
        #expect(missing?.description.contains("404") == true)
        server.stop()
        #expect(await failure(of: set)?.code == .fetch)
        #expect(try files().isEmpty)
    }

    private func failure(of set: DataSet) async -> ToolTaskError? {
        do {
            _ = try await set.fetch(into: folder)
            return nil
        } catch {
            return error as? ToolTaskError
        }
    }
}
