import Testing

@testable import Policies

@Suite struct LineCopiesTests {
    func copies(_ messages: String...) -> LineCopies {
        var copies = LineCopies()
        for message in messages { copies.read(message) }
        return copies
    }

    func draft(_ text: String, _ copies: LineCopies) -> String {
        String(decoding: copies.continuation(of: Array(text.utf8)), as: UTF8.self)
    }

    let program =
        "Program:\n1>>>def add(a, b):\n2>>>    total = a - b\n3>>>    return total\n***\ntest 1: got 1, want 3"

    @Test func aReplacementIsDraftedFromItsLine() {
        #expect(draft("### REPL 2 >>>", copies(program)) == "    total = a - b")
        #expect(draft("### REPL 2 >>>    tot", copies(program)) == "al = a - b")
    }

    @Test func behindAChangeTheDraftGoesOn() {
        #expect(draft("### REPL 1 >>>def plus(a, ", copies(program)) == "b):")
        #expect(draft("### ADDL 3 >>>    return to", copies(program)) == "tal")
    }

    @Test func nothingIsDraftedWhereNothingIsKnown() {
        for text in ["", "### REPL 2", "### EXIT", "### ADDL 2 >>>", "### REPL 9 >>>", "### REPW 2 >>>", "hello >>>"] {
            #expect(draft(text, copies(program)) == "")
        }
    }

    @Test func theNewestStateCounts() {
        let later = copies(program, "1>>>def add(a, b):\n2>>>    return a + b\n***\nAll tests pass.")
        #expect(draft("### REPL 2 >>>", later) == "    return a + b")
        #expect(draft("### REPL 3 >>>", later) == "")
        // A message with the changed lines alone leaves the others.
        let changed = copies(program, "2>>>    total = a + b\n***\nfailed")
        #expect(draft("### REPL 2 >>>", changed) == "    total = a + b")
        #expect(draft("### REPL 3 >>>", changed) == "    return total")
    }

    @Test func thePapersNumberingIsReadToo() {
        #expect(draft("### REPL 2 >>>", copies("L 1 def f():\nL 2     return 1\n***")) == "    return 1")
    }
}
