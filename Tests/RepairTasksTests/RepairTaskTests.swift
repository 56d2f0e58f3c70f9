import Foundation
import PythonSandbox
import RepairTasks
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

    @Test func `every field is read and written back`() throws {
        let full = """
            {"id": "b", "prompt": "p", "program": "x = 1\\r\\n", "tests": ["assert x"], "hidden_tests": ["assert 1"], \
            "setup": "s", "prelude": "q", "reference": "r", "meta": {"n": [1, null, true, "é"]}}
            """
        let task = try #require(try RepairTask.load(from: file([full])).first)
        #expect(task.program.utf8.elementsEqual("x = 1\r\n".utf8))
        #expect(task.tests == .statements(["assert x"]))
        #expect(task.hiddenTests == ["assert 1"])
        #expect([task.setup, task.prelude, task.reference] == ["s", "q", "r"])
        #expect(task.meta?["n"] == .array([.number(1), .null, .bool(true), .string("é")]))
        let written = try JSONEncoder().encode(task)
        #expect(try JSONDecoder().decode(RepairTask.self, from: written) == task)
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
        #expect(try RepairTask.load(from: file).map(\.id) == (0..<3_000).map(String.init))
        #expect(try RepairTask.load(from: file, limit: 2).count == 2)
    }

    @Test(arguments: [
        ("{\"id\": \"b\"", "set.jsonl, line 3: it is not JSON"),
        ("[1]", "set.jsonl, line 3: it is not a JSON object"),
        (
            #"{"id": "b", "prompt": "p", "tests": ["assert x"]}"#,
            "set.jsonl, line 3: the field \"program\" is missing"
        ),
        (
            #"{"id": "b", "prompt": "p", "program": 1, "tests": ["assert x"]}"#,
            "set.jsonl, line 3: the field \"program\" is not a String"
        ),
        (
            #"{"id": "b", "prompt": "p", "program": "", "tests": []}"#,
            "set.jsonl, line 3: the field \"tests\": there are no tests, so nothing can pass them"
        ),
        (line, "set.jsonl, line 3: the id \"a\" is that of line 1 too"),
    ])
    func `a bad line is named by its number and its fault`(bad: String, sentence: String) throws {
        let file = try file([Self.line, "", bad, Self.line])
        let error = #expect(throws: RepairTaskError.self) { try RepairTask.load(from: file) }
        #expect(error?.code == .badLine)
        #expect(error?.description == sentence)
    }

    @Test func `a missing file, a folder and a cut-off packed file are unreadable`() throws {
        let packed = try file((0..<200).map { Self.line.replacing(#""a""#, with: #""\#($0)""#) }, packed: true)
        let bytes = try Data(contentsOf: packed)
        try bytes.prefix(bytes.count / 2).write(to: packed)
        for file in [URL(filePath: "/nowhere/set.jsonl"), packed.deletingLastPathComponent(), packed] {
            let error = #expect(throws: RepairTaskError.self) { try RepairTask.load(from: file) }
            #expect(error?.code == .unreadable, "\(error?.description ?? "")")
        }
    }
}
