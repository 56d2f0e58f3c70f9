import PythonRepair
import StatefulTools
import Testing

/// A window of lines follows the edits, and commands outside of it can't be said.
@Suite struct LineWindowTests {
    @Test func `ranges that touch are one`() {
        #expect(LineWindow([5...9, 1...2, 3...4, 12...12]).ranges == [1...9, 12...12])
        #expect(LineWindow([5...9, 12...12]).description == "5-9, 12")
    }

    @Test func `insertions and deletions move and resize it`() {
        var window = LineWindow([3...5, 9...9])
        window.follow(.insert(line: 1, content: ""))
        #expect(window.ranges == [4...6, 10...10])
        window.follow(.insert(line: 7, content: ""))
        #expect(window.ranges == [4...7, 11...11])
        window.follow(.delete(line: 4))
        #expect(window.ranges == [4...6, 10...10])
        window.follow(.delete(line: 10))
        #expect(window.ranges == [4...6])
        window.follow(.replace(line: 5, content: "x"))
        #expect(window.ranges == [4...6])
    }

    @Test func `the grammar says commands inside the window only`() throws {
        let program = ProgramText("a\nb\nc\nd\n")
        let window = LineWindow([2...3])
        let grammar = program.grammar(allowsExit: false, within: window)
        for (command, isAllowed) in [
            ("### DELL 2", true), ("### DELL 1", false), ("### DELL 4", false), ("### REPL 3 >>>x", true),
            ("### REPL 4 >>>x", false), ("### ADDL 2 >>>x", true), ("### ADDL 4 >>>x", true),
            ("### ADDL 1 >>>x", false),
            ("### REPW 3 >>>c >>>x", true), ("### REPW 1 >>>a >>>x", false),
        ] {
            #expect(grammar.accepts(command) == isAllowed, "\(command)")
        }
    }
}
