import Foundation
import PythonRepair
import PythonSandbox
import StatefulTools
import Testing

@Suite struct MBPPTests {
    func file(_ text: String) throws -> URL {
        let file = FileManager.default.temporaryDirectory.appending(path: "mbpp-\(UUID()).json")
        try Data(text.utf8).write(to: file)
        return file
    }

    func line(_ number: Int, code: String = "x = 1", more: String = "") -> String {
        #"{"text": "t", "code": "\#(code)", "task_id": \#(number), "test_list": ["assert x == 1 "]\#(more)}"#
    }

    @Test func `the splits are the official ones`() throws {
        let file = try file((1...974).map { line($0) }.joined(separator: "\n"))
        let sizes = try MBPP.Split.allCases.map { try MBPP.load(from: file, split: $0).count }
        #expect(sizes == [10, 500, 90, 374])
        #expect(try MBPP.load(from: file, split: .train).first?.id == "mbpp/601")
    }

    @Test func `carriage returns, tabs and blanks go, and a raw program keeps them`() throws {
        let code = #"def f(a): \r\n\tif a:\r\n\t\treturn 1 \r\n \r\n\treturn 2\r\n\r\n"#
        let file = try file(line(1, code: code))
        let task = try #require(try MBPP.load(from: file).first)
        #expect(task.program == "def f(a):\n    if a:\n        return 1\n\n    return 2\n")
        #expect(task.reference == task.program)
        #expect(task.tests == .statements(["assert x == 1"]))
        let raw = try #require(try MBPP.load(from: file, raw: true).first?.program)
        #expect(raw.utf8.elementsEqual("def f(a): \r\n\tif a:\r\n\t\treturn 1 \r\n \r\n\treturn 2\r\n\r\n".utf8))
    }

    @Test func `strings over lines keep their blanks, mixed indentation its tabs`() throws {
        let file = try file(
            [line(1, code: #"s = '''a \n'''"#), line(2, code: #"if x:\n\ty = 1\nif z:\n  y = 2"#)]
                .joined(separator: "\n"))
        let programs = try MBPP.load(from: file).map(\.program)
        #expect(programs == ["s = '''a \n'''\n", "if x:\n\ty = 1\nif z:\n  y = 2\n"])
    }

    @Test func `set-up runs after the program, challenge tests are hidden`() throws {
        let more = #", "test_setup_code": "y = x", "challenge_test_list": ["assert y == 1"]"#
        let task = try #require(try MBPP.load(from: file(line(1, more: more))).first)
        #expect(task.setup == "y = x" && task.prelude == nil)
        #expect(task.hiddenTests == ["assert y == 1"])
    }

    @Test func `the sanitized list is read too, with its imports`() throws {
        let file = try file(
            #"[{"source_file": "s", "task_id": 602, "prompt": "p", "code": "x = 1", "test_imports": ["import math"], "test_list": ["assert x"]}]"#
        )
        #expect(MBPP.isMBPP(file))
        let task = try #require(try MBPP.load(from: file, split: .train).first)
        #expect(task.prompt == "p" && task.setup == "import math")
    }

    @Test func `a bad line is named`() throws {
        let file = try file(line(1) + "\n{\"task_id\": 2}")
        let error = #expect(throws: ToolTaskError.self) { try MBPP.load(from: file) }
        #expect(error?.description.hasSuffix("line 2: not an MBPP task: the field \"code\" is missing") == true)
    }
}
