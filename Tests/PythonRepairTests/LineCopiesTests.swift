import PythonSandbox
import Testing

@testable import PythonRepair

@Suite struct LineCopiesTests {
    private let copies = LineCopies(lines: ["def add(a, b):", "    total = a - b", "    return total"])

    private func draft(_ text: String) -> String {
        String(decoding: copies.continuation(of: Array(text.utf8)), as: UTF8.self)
    }

    @Test func `a replacement is drafted from its line`() {
        #expect(draft("### REPL 2 >>>") == "    total = a - b")
        #expect(draft("### REPL 2 >>>    tot") == "al = a - b")
    }

    @Test func `behind a change the draft goes on`() {
        #expect(draft("### REPL 1 >>>def plus(a, ") == "b):")
        #expect(draft("### ADDL 3 >>>    return to") == "tal")
    }

    @Test func `nothing is drafted where nothing is known`() {
        for text in ["", "### REPL 2", "### EXIT", "### ADDL 2 >>>", "### REPL 9 >>>", "### REPW 2 >>>", "hello >>>"] {
            #expect(draft(text) == "")
        }
    }

    @Test func `a tool drafts from its program as it is`() throws {
        var tool = try PythonRepair(
            RepairTask(id: "a", prompt: "", program: "x = 1\ny = 2\n", tests: .statements(["assert x"])))
        let line = Array("### REPL 2 >>>".utf8)
        #expect(tool.draft?(line) == Array("y = 2".utf8))
        _ = try tool.apply("### REPL 2 >>>y = 3")
        #expect(tool.draft?(line) == Array("y = 3".utf8))
    }
}
