import Foundation
import PythonRepair
import PythonSandbox
import StatefulTools
import Testing

@Suite struct RepairTaskTests {
    static let line = #"{"id": "a", "prompt": "p", "program": "x = 1\n", "tests": ["assert x == 2"]}"#

    /// A file of `lines` in a folder of its own, packed when asked.
    func file(_ lines: [String], packed: Bool = false) throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "tasks-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appending(path: "set.jsonl")
        try Data(lines.joined(separator: "\n").utf8).write(to: file)
        if !packed { return file }
        let gzip = try Process.run(URL(filePath: "/usr/bin/env"), arguments: ["gzip", file.path()])
        gzip.waitUntilExit()
        return file.appendingPathExtension("gz")
    }

    private func repairs(_ file: URL, limit: Int? = nil) throws -> [RepairTask] {
        try Toolbox([PythonRepair.self]).load(file: file, limit: limit).compactMap { ($0 as? PythonRepair)?.repair }
    }

    @Test func `every field is read and written back`() throws {
        let full = """
            {"id": "b", "prompt": "p", "program": "x = 1\\r\\n", "tests": ["assert x"], "hidden_tests": ["assert 1"], \
            "setup": "s", "prelude": "q", "reference": "r", "meta": {"n": [1, null, true, "é"]}}
            """
        let task = try #require(try repairs(file([full])).first)
        #expect(task.program.utf8.elementsEqual("x = 1\r\n".utf8))
        #expect(task.tests == .statements(["assert x"]))
        #expect(task.hiddenTests == ["assert 1"])
        #expect([task.setup, task.prelude, task.reference] == ["s", "q", "r"])
        #expect(task.meta?["n"] == .array([.number(1), .null, .bool(true), .string("é")]))
        let written = try JSONEncoder().encode(task)
        #expect(try JSONDecoder().decode(RepairTask.self, from: written) == task)
        #expect(try ToolTask(task, tool: "python").decode(RepairTask.self) == task)
        let keys = try #require(try JSONSerialization.jsonObject(with: written) as? [String: Any]).keys
        #expect(
            Set(keys) == [
                "id", "prompt", "program", "tests", "hidden_tests", "setup", "prelude", "reference", "meta",
            ])
    }

    @Test(arguments: [false, true])
    func `a set of more than one buffer is read whole, plain or packed`(packed: Bool) throws {
        let lines = (0..<3_000).map { Self.line.replacing(#""a""#, with: #""\#($0)""#).replacing("p\"", with: "né\"") }
        let file = try file(lines, packed: packed)
        #expect(try repairs(file).map(\.id) == (0..<3_000).map(String.init))
        #expect(try repairs(file, limit: 2).count == 2)
    }

    @Test func `a missing file, a folder and a cut-off packed file are unreadable`() throws {
        let packed = try file((0..<200).map { Self.line.replacing(#""a""#, with: #""\#($0)""#) }, packed: true)
        let bytes = try Data(contentsOf: packed)
        try bytes.prefix(bytes.count / 2).write(to: packed)
        for file in [URL(filePath: "/nowhere/set.jsonl"), packed.deletingLastPathComponent(), packed] {
            let error = #expect(throws: ToolTaskError.self) { try repairs(file) }
            #expect(error?.code == .unreadable, "\(error?.description ?? "")")
        }
    }
}
