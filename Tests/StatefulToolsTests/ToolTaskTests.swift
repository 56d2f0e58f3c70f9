import Foundation
import StatefulTools
import Testing
import Tools

/// Tasks of any tool: their coding, and files of them.
@Suite struct ToolTaskTests {
    private static let python =
        #"{"id": "a", "prompt": "p", "program": "x = 1\n", "tests": ["assert x == 2"]}"#
    private static let game = #"{"id": "g", "tool": "countdown", "numbers": [3, 4], "target": 7}"#

    private func file(_ lines: [String]) throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "tasks-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appending(path: "set.jsonl")
        try Data(lines.joined(separator: "\n").utf8).write(to: file)
        return file
    }

    @Test func `a task survives its JSON line, and one without a tool is for Python`() throws {
        let task = try JSONDecoder().decode(ToolTask.self, from: Data(Self.game.utf8))
        #expect(task.tool == "countdown" && task.prompt == "")
        #expect(task.fields == ["numbers": .array([.number(3), .number(4)]), "target": .number(7)])
        #expect(try JSONDecoder().decode(ToolTask.self, from: JSONEncoder().encode(task)) == task)
        let python = try JSONDecoder().decode(ToolTask.self, from: Data(Self.python.utf8))
        #expect(python.tool == "python")
        #expect(try !String(decoding: JSONEncoder().encode(python), as: UTF8.self).contains("\"tool\""))
    }

    @Test func `a value with an id makes a task that decodes to it`() throws {
        struct Game: Hashable, Codable {
            var id: String
            var numbers: [Int]
        }
        let game = Game(id: "g", numbers: [1, 2])
        let task = try ToolTask(game, tool: "countdown")
        #expect(task.id == "g" && task.tool == "countdown")
        #expect(try task.decode(Game.self) == game)
    }

    @Test func `one file may hold tasks of several tools, and a demonstration gives its task`() throws {
        let demonstration = #"{"id": "d", "messages": [], "task": \#(Self.game), "meta": {}}"#
        let tasks = try Toolbox.standard.load(file: file([Self.python, "", demonstration]))
        #expect(tasks.map { type(of: $0).name } == ["python", "countdown"])
        #expect(tasks.map(\.id) == ["a", "g"])
        let path = try file([Self.python, Self.game]).path(percentEncoded: false)
        #expect(try Toolbox.standard.load(path, split: .train).count == 2)
        #expect(try Toolbox.standard.load(file: URL(filePath: path), limit: 1).map(\.id) == ["a"])
    }

    @Test(arguments: [
        ("{\"id\": \"b\"", ToolTaskError.Code.badLine, "it is not JSON"),
        ("[1]", .badLine, "it is not a JSON object"),
        (#"{"tests": []}"#, .badLine, "the field \"id\" is missing"),
        (#"{"id": 7}"#, .badLine, "the field \"id\" is not a text"),
        (
            #"{"id": "b", "tool": "chess"}"#, .unknownTool,
            "there is no tool \"chess\"; the tools are \(Toolbox.standard.tools.map { $0.name }.joined(separator: ", "))"
        ),
        (
            #"{"id": "b", "prompt": "p", "tests": ["assert x"]}"#, .badField,
            "task \"b\": the field \"program\" is missing"
        ),
        (
            #"{"id": "b", "prompt": "p", "program": 1, "tests": ["assert x"]}"#, .badField,
            "task \"b\": the field \"program\" is not a text"
        ),
        (
            #"{"id": "b", "prompt": "p", "program": "", "tests": []}"#, .badField,
            "task \"b\": the field \"tests\": there are no tests, so nothing can pass them"
        ),
        (
            #"{"id": "b", "tool": "countdown", "numbers": [3, 4]}"#, .badField,
            "task \"b\": the field \"target\" is missing"
        ),
        (
            #"{"id": "b", "tool": "countdown", "numbers": [3, "x"], "target": 7}"#, .badField,
            "task \"b\": the field \"numbers, item 2\" is not a whole number"
        ),
        (
            #"{"id": "b", "prompt": "p", "program": "x", "tests": ["assert x"], "hidden_test": ["assert 0"]}"#,
            .badField,
            "task \"b\": the field \"hidden_test\" is unknown; what else belongs to a task goes into \"meta\""
        ),
        (
            #"{"id": "b", "tool": "countdown", "numbers": [3, 4.5], "target": 7}"#, .badField,
            "task \"b\": a number is not a whole number, or too large"
        ),
        (#"{"id": "b", "id": "c"}"#, .badLine, "the field \"id\" stands twice; leave one of them"),
        (python, .badLine, "the id \"a\" is also that of line 1"),
    ])
    func `a bad line is named by file, number and field`(bad: String, code: ToolTaskError.Code, sentence: String) throws
    {
        let file = try file([Self.python, "", bad, Self.python])
        let error = #expect(throws: ToolTaskError.self) { try Toolbox.standard.load(file: file) }
        #expect(error?.description == "set.jsonl, line 3: " + sentence)
        #expect(error?.code == code)
    }

    @Test func `a tool that is not here is named with those that are`() {
        let error = #expect(throws: ToolTaskError.self) { try Toolbox([Climb.self]).tool("python") }
        #expect(error?.description == "there is no tool \"python\"; the tools are climb")
    }

    @Test func `a missing file and a folder are unreadable`() throws {
        let folder = try file([]).deletingLastPathComponent()
        for file in [URL(filePath: "/nowhere/set.jsonl"), folder] {
            let error = #expect(throws: ToolTaskError.self) { try Toolbox([Climb.self]).load(file: file) }
            #expect(error?.code == .unreadable)
        }
    }

    @Test func `a split is named behind the set`() throws {
        let test = try Toolbox.standard.load("countdown-4:test", split: .validation).map(\.id)
        #expect(try Toolbox.standard.load("countdown-4", split: .test).map(\.id) == test)
        #expect(try Toolbox.standard.load("countdown-4", split: .validation).map(\.id) != test)
    }
}
