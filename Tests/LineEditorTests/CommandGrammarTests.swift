import Testing

@testable import LineEditor

@Suite struct CommandGrammarTests {
    let program = ProgramText("def add(a, b):\n\n    return a - b  # >>> sum\n")

    @Test(arguments: [
        "### DELL 1", "### DELL 3", "### ADDL 1 >>>import math", "### ADDL 4 >>>", "### REPL 2 >>>    x = 1",
        "### REPW 3 >>>- >>>+", "### REPW 3 >>>a - b >>>a + b", "### REPW 1 >>>, b >>>", "### EXIT",
        "### REPW 3 >>>return >>>yield >>> more", "### REPL 1 >>>def add(a, ü):", "### REPW 3 >>># >>>x",
    ])
    func commandsThatTheProgramTakesAreAccepted(text: String) throws {
        #expect(CommandGrammar(program: program).accepts(text))
        var edited = program
        try edited.apply(Command(parsing: text))
        #expect(text == "### EXIT" || edited != program)
    }

    @Test(arguments: [
        "", "DELL 1", "###DELL 1", "### DELL", "### DELL 0", "### DELL 4", "### DELL 01", "### DELL 1 ", "### DELL 10",
        "### ADDL 5 >>>x", "### ADDL 0 >>>x", "### REPL 4 >>>x", "### REPL 1 x", "### REPL 1 >>",
        "### REPL 1 >>>a\nb", "### REPW 2 >>>x >>>y", "### REPW 1 >>>minus >>>plus", "### REPW 1 >>> >>>x",
        "### REPW 1 >>>add", "### REPW 1 >>>add >>>add", "### REPL 1 >>>def add(a, b):", "### REPL 2 >>>",
        "### EXIT now",
        "### NOPE 1", " ### EXIT",
    ])
    func allElseIsRefused(text: String) {
        #expect(!CommandGrammar(program: program).accepts(text))
    }

    @Test func exitAndExcludedCommandsAreRefused() {
        let excluded: [Command] = [
            .delete(line: 1), .substitute(line: 3, old: "-", new: "+"), .replace(line: 2, content: "x"),
        ]
        let grammar = CommandGrammar(program: program, allowsExit: false, excluded: excluded)
        for text in ["### EXIT"] + excluded.map(\.description) { #expect(!grammar.accepts(text)) }
        for text in ["### DELL 2", "### REPW 3 >>>- >>>++", "### REPW 3 >>>- >>>", "### REPL 2 >>>xy"] {
            #expect(grammar.accepts(text))
        }
    }

    @Test func anEmptyProgramTakesOnlyAnInsertion() {
        let grammar = CommandGrammar(program: ProgramText(""))
        #expect(grammar.accepts("### ADDL 1 >>>x"))
        #expect(grammar.accepts("### EXIT"))
        for text in ["### DELL 1", "### REPL 1 >>>x", "### REPW 1 >>>x >>>y", "### ADDL 2 >>>x"] {
            #expect(!grammar.accepts(text))
        }
    }

    /// Random walks through the grammar that end at the first chance, or late: each is a command that applies and
    /// changes the program.
    @Test func everyWalkEndsInACommandThatChangesTheProgram() throws {
        var random = SystemRandomNumberGenerator()
        let lines = (1...23).map { $0.isMultiple(of: 4) ? "" : "\tx\($0) = 'ü' >>> \($0)" }
        for text in ["", "a", "\n\n", lines.joined(separator: "\n")] {
            let program = ProgramText(text)
            let grammar = CommandGrammar(
                program: program, allowsExit: false, excluded: (1...20).map { Command.delete(line: $0) })
            for _ in 0..<100 {
                var state = grammar.start
                var bytes: [UInt8] = []
                while bytes.count < 60 || !state.canEnd {
                    if state.canEnd, Int.random(in: 0..<6, using: &random) == 0 { break }
                    // ASCII where there is a choice, so that the walk ends in whole characters.
                    let open = (UInt8.min...UInt8.max).filter { state.advanced(by: $0) != nil }
                    let ascii = open.filter { $0 < 0x80 }
                    if open.isEmpty && state.canEnd { break }
                    let byte = try #require((ascii.isEmpty ? open : ascii).randomElement(using: &random))
                    bytes.append(byte)
                    state = try #require(state.advanced(by: byte))
                    if bytes.count > 400 { break }
                }
                guard state.canEnd else { continue }
                let completion = String(decoding: bytes, as: UTF8.self)
                let command = try Command(parsing: completion)
                #expect(command.description == completion)
                var edited = program
                try edited.apply(command)
                #expect(edited != program, "\(completion)")
            }
        }
    }
}
