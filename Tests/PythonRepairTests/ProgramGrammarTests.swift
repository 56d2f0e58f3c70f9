import PythonSandbox
import StatefulTools
import Testing

@testable import PythonRepair

@Suite struct ProgramGrammarTests {
    let program = ProgramText("def add(a, b):\n\n    return a - b  # >>> sum\n")

    @Test(arguments: [
        "### DELL 1", "### DELL 3", "### ADDL 1 >>>import math", "### ADDL 4 >>>", "### REPL 2 >>>    x = 1",
        "### REPW 3 >>>- >>>+", "### REPW 3 >>>a - b >>>a + b", "### REPW 1 >>>, b >>>", "### EXIT",
        "### REPW 3 >>>return >>>yield >>> more", "### REPL 1 >>>def add(a, ü):", "### REPW 3 >>># >>>x",
    ])
    func `commands that the program takes are accepted`(text: String) throws {
        #expect(program.grammar(allowsExit: true).accepts(text))
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
    func `all else is refused`(text: String) {
        #expect(!program.grammar(allowsExit: true).accepts(text))
    }

    @Test func `EXIT and excluded commands are refused`() {
        let excluded: [Command] = [
            .delete(line: 1), .substitute(line: 3, old: "-", new: "+"), .replace(line: 2, content: "x"),
        ]
        let grammar = program.grammar(allowsExit: false).excluding(excluded.map(\.description))
        for text in ["### EXIT"] + excluded.map(\.description) { #expect(!grammar.accepts(text)) }
        for text in ["### DELL 2", "### REPW 3 >>>- >>>++", "### REPW 3 >>>- >>>", "### REPL 2 >>>xy"] {
            #expect(grammar.accepts(text))
        }
    }

    @Test func `an empty program takes only an insertion`() {
        let grammar = ProgramText("").grammar(allowsExit: true)
        #expect(grammar.accepts("### ADDL 1 >>>x"))
        #expect(grammar.accepts("### EXIT"))
        for text in ["### DELL 1", "### REPL 1 >>>x", "### REPW 1 >>>x >>>y", "### ADDL 2 >>>x"] {
            #expect(!grammar.accepts(text))
        }
    }

    /// Random walks through the grammar that end at the first chance, or late: each is a command that applies and
    /// changes the program.
    @Test func `every walk ends in a command that changes the program`() throws {
        var random = SystemRandomNumberGenerator()
        let lines = (1...23).map { $0.isMultiple(of: 4) ? "" : "\tx\($0) = 'ü' >>> \($0)" }
        for text in ["", "a", "\n\n", lines.joined(separator: "\n")] {
            let program = ProgramText(text)
            let grammar = program.grammar(allowsExit: false).excluding(
                (1...20).map { Command.delete(line: $0).description })
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

    /// The bytes that may come next, whether the completion may end, and whether it is excluded: the same as in the
    /// grammar that was written for the editor alone.
    @Test func `the grammar allows what the editor's own grammar allowed`() throws {
        var random = SeededGenerator(seed: 21)
        let odd = ["", "a", "\n\n", "x = 'ü >>> y'\n\n\tz\n", (1...120).map { "line \($0)\n" }.joined()]
        let programs = (odd + RepairTask.starter.prefix(35).map(\.program)).map { ProgramText($0) }
        var walks = 0
        for program in programs {
            var excluded = (0..<3).map { _ in Command.random(lines: program.lines.count, using: &random) }
                .filter { $0 != .exit }
            for round in 0..<50 {
                let allowsExit = round.isMultiple(of: 2)
                let reference = ReferenceGrammar(program: program, allowsExit: allowsExit, excluded: excluded)
                let grammar = program.grammar(allowsExit: allowsExit).excluding(excluded.map(\.description))
                let text = try walk(reference.start, grammar.start, steps: 6 + random.below(14), using: &random)
                walks += 1
                if let command = try? Command(parsing: text), command != .exit { excluded.append(command) }
            }
        }
        #expect(walks == 2_000)
    }

    /// ASCII, and bytes that begin, continue and never stand in a character.
    private static let bytes = Array(UInt8.min...0x7F) + [0x80, 0xBC, 0xC3, 0xFF]

    /// Walks both grammars together and compares them at each step.
    private func walk(
        _ reference: ReferenceGrammar.State, _ state: Grammar.State, steps: Int, using random: inout SeededGenerator
    ) throws -> String {
        var (reference, state) = (reference, state)
        var bytes: [UInt8] = []
        for _ in 0..<steps {
            let open = Self.bytes.filter { state.advanced(by: $0) != nil }
            let wanted = Self.bytes.filter { reference.advanced(by: $0) != nil }
            let text = String(decoding: bytes, as: UTF8.self)
            try #require(open == wanted, "\(text): \(open), \(wanted)")
            try #require(state.canEnd == reference.canEnd && state.isExcluded == reference.isExcluded, "\(text)")
            if state.canEnd, random.chance(0.1) { break }
            let ascii = open.filter { $0 < 0x80 }
            guard let byte = random.element(of: ascii.isEmpty ? open : ascii) else { break }
            bytes.append(byte)
            reference = try #require(reference.advanced(by: byte))
            state = try #require(state.advanced(by: byte))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
