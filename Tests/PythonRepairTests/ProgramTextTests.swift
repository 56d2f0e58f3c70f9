import Foundation
import StatefulTools
import Testing

@testable import PythonRepair

@Suite struct ProgramTextTests {
    static let add = ProgramText("def add(a, b):\n    return a - b\n")

    @Test func `each command does what the paper says`() throws {
        func after(_ command: Command) throws -> String {
            var program = ProgramText("1\n2 2\n3\n")
            try program.apply(command)
            return program.text
        }
        #expect(try after(.delete(line: 2)) == "1\n3\n")
        #expect(try after(.insert(line: 2, content: "x")) == "1\nx\n2 2\n3\n")
        #expect(try after(.insert(line: 4, content: "x")) == "1\n2 2\n3\nx\n")
        #expect(try after(.replace(line: 2, content: "x")) == "1\nx\n3\n")
        #expect(try after(.substitute(line: 2, old: "2", new: "22")) == "1\n22 22\n3\n")
        #expect(try after(.exit) == "1\n2 2\n3\n")
    }

    @Test(arguments: [
        "", "\n", "a", "a\n", "a\r\nb", "a\rb\nc\r\n", "\n\n", "\u{FEFF}a\n", "a\n\u{301}b", "a\u{0C}b\u{2028}c\n",
    ])
    func `the text survives byte for byte`(text: String) {
        #expect(ProgramText(text).text.utf8.elementsEqual(text.utf8))
    }

    @Test func `lines are Python's lines`() {
        #expect(ProgramText("a\rb\r\nc\u{2028}\u{0C}\n\n").lines == ["a", "b", "c\u{2028}\u{0C}", ""])
        #expect(ProgramText("").lines == [])
    }

    @Test func `the lines not edited keep their bytes under any edits`() throws {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<500 {
            let text = String.random(of: ["a", "é", " ", "\t", "\n", "\r\n", "\r", "x=1"], upTo: 30, using: &random)
            var program = ProgramText(text)
            var model = program.lines
            for _ in 0..<8 {
                let command = Command.random(lines: model.count + 2, using: &random)
                let before = program
                do {
                    try program.apply(command)
                } catch {
                    #expect(program == before)
                    continue
                }
                switch command {
                case .delete(let line): model.remove(at: line - 1)
                case .insert(let line, let content): model.insert(content, at: line - 1)
                case .replace(let line, let content): model[line - 1] = content
                case .substitute(let line, let old, let new):
                    model[line - 1] = model[line - 1].replacingOccurrences(of: old, with: new, options: .literal)
                case .exit: break
                }
            }
            #expect(program.lines == model)
            #expect(ProgramText(program.text).lines == model)
            #expect(ProgramText(program.text) == program)
        }
    }

    @Test(arguments: ["a\nb\nc", "a\r\nb\r\nc\r\n", "a", "a\n", "\nb"])
    func `deleting and inserting a line again gives the same bytes`(text: String) throws {
        let program = ProgramText(text)
        for line in 1...program.lines.count {
            var edited = program
            try edited.apply(.delete(line: line))
            try edited.apply(.insert(line: line, content: program.lines[line - 1]))
            #expect(edited.text.utf8.elementsEqual(text.utf8), "line \(line)")
        }
    }

    @Test func `a new line takes the line end of the one above, and a missing last one stays missing`() throws {
        var program = ProgramText("a\r\nb")
        try program.apply(.insert(line: 3, content: "c"))
        #expect(Array(program.text.utf8) == Array("a\r\nb\r\nc".utf8))
        try program.apply(.delete(line: 3))
        #expect(Array(program.text.utf8) == Array("a\r\nb".utf8))
    }

    @Test func `an empty program can be edited`() throws {
        var program = ProgramText("")
        try program.apply(.insert(line: 1, content: "x = 1"))
        #expect(program.text == "x = 1\n")
        try program.apply(.delete(line: 1))
        #expect(program.text == "")
    }

    @Test(arguments: [
        ("a\nb\n", Command.delete(line: 9), "line 9 does not exist: the program has lines 1 to 2"),
        ("a\n", .replace(line: 2, content: ""), "line 2 does not exist: the program has line 1 only"),
        (
            "", .delete(line: 1),
            "line 1 does not exist: the program is empty, ### ADDL 1 >>><content> adds its first line"
        ),
        (
            "a\nb\n", .insert(line: 4, content: ""),
            "line 4 does not exist: the program has lines 1 to 2, so ADDL takes 1 to 3 (3 appends)"
        ),
        ("", .insert(line: 2, content: ""), "line 2 does not exist: the program is empty, so ADDL takes 1 only"),
        ("  a b\n", .substitute(line: 1, old: "c", new: ""), "\"c\" is not in line 1, which is:   a b"),
        ("a\n", .replace(line: 1, content: "x\ny"), "a content is one line; use one ADDL for each further line"),
    ])
    func `a command that can't be carried out says why and changes nothing`(
        text: String, command: Command, sentence: String
    ) {
        var program = ProgramText(text)
        let error = #expect(throws: CommandError.self) { try program.apply(command) }
        #expect(error?.description == sentence)
        #expect(program.text == text)
    }

    @Test func `strings are compared as Python compares them`() {
        var program = ProgramText("e\u{301} = 1\n")
        #expect(throws: CommandError.self) { try program.apply(.substitute(line: 1, old: "\u{E9}", new: "x")) }
        #expect(throws: Never.self) { try program.apply(.substitute(line: 1, old: "e", new: "x")) }
        #expect(program != ProgramText("e\u{301} = 1\n"))
        #expect(ProgramText("e\u{301}") != ProgramText("\u{E9}"))
    }

    @Test func `the state has both numberings`() {
        #expect(Self.add.shown(feedback: "f", .paper) == "L 1 def add(a, b):\nL 2     return a - b\n***\nf")
        #expect(Self.add.shown(feedback: "f", .compact) == "1>>>def add(a, b):\n2>>>    return a - b\n***\nf")
        #expect(ProgramText("").shown(feedback: "f", .paper) == "***\nf")
    }
}
