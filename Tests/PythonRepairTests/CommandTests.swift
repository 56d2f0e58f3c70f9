import PythonRepair
import StatefulTools
import Testing

@Suite struct CommandTests {
    @Test(arguments: [
        ("### DELL 3", Command.delete(line: 3)),
        ("### ADDL 1 >>>    return a", .insert(line: 1, content: "    return a")),
        ("### REPL 12 >>>", .replace(line: 12, content: "")),
        ("### REPW 2 >>>a - b >>>a + b", .substitute(line: 2, old: "a - b", new: "a + b")),
        ("### REPW 2 >>>x >>>", .substitute(line: 2, old: "x", new: "")),
        ("### EXIT", .exit),
        ("### EXIT \t", .exit),
    ])
    func `the forms of the paper are read`(text: String, command: Command) throws {
        #expect(try Command(parsing: text) == command)
    }

    @Test func `the command is the first line of a completion that begins with ###`() throws {
        let completion = "The minus is wrong.\r\n  ### EXIT\r\n### REPL 2 >>>    return a + b\r\n### DELL 1\n"
        #expect(try Command(parsing: completion) == .replace(line: 2, content: "    return a + b"))
    }

    @Test func `reading back what is printed gives every command, byte for byte`() throws {
        var random = SeededGenerator(seed: 2)
        for _ in 0..<5_000 {
            let command = Command.random(lines: 30, using: &random)
            guard command.problem == nil else { continue }
            let read = try Command(parsing: "\(command)")
            #expect(read == command)
            // Equal strings may differ in bytes.
            #expect("\(read)".utf8.elementsEqual("\(command)".utf8))
        }
    }

    @Test func `the old string ends at the first separator and the new one keeps the rest`() throws {
        #expect(
            try Command(parsing: "### REPW 1 >>>>>>a >>>b >>>c")
                == .substitute(line: 1, old: ">>>a", new: "b >>>c"))
        #expect(Command.substitute(line: 1, old: "a >>>b", new: "").problem?.code == .malformedContent)
    }

    @Test(arguments: [
        ("", CommandError.Code.noCommand, "no command"),
        ("I would delete line 3.\n DELL 3", .noCommand, "### DELL 3"),
        ("### Solution\n### DELL 3", .unknownCommand, "unknown command \"Solution\""),
        ("### dell 3", .unknownCommand, "DELL, ADDL, REPL, REPW and EXIT"),
        ("###DELL 3", .unknownCommand, "one space"),
        ("### DELL", .missingNumber, "### DELL <n>"),
        ("### ADDL >>>x", .missingNumber, "### ADDL <n>"),
        ("### DELL three", .badNumber, "\"three\" is not a line number"),
        ("### DELL -1", .badNumber, "\"-1\""),
        ("### DELL 99999999999999999999", .badNumber, "is not a line number"),
        ("### DELL 0", .badNumber, "counted from 1"),
        ("### DELL 3 >>>x", .extraText, "nothing may follow ### DELL 3"),
        ("### EXIT now", .extraText, "nothing may follow ### EXIT"),
        ("### REPL 2", .missingContent, "\" >>>\" is missing"),
        ("### REPL 2 return a", .missingContent, "### REPL <n> >>><content>"),
        ("### REPW 2 >>>a", .missingContent, "the new string after the old one"),
        ("### REPW 2 >>>a>>>b", .missingContent, "\" >>>\""),
        ("### REPW 2 >>> >>>b", .emptyOld, "the string to replace"),
    ])
    func `a malformed command is answered with what is wrong`(
        text: String, code: CommandError.Code, fragment: String
    ) {
        let error = #expect(throws: CommandError.self) { try Command(parsing: text) }
        #expect(error?.code == code)
        #expect(error?.description.contains(fragment) == true, "\(error?.description ?? "")")
        #expect(error?.isMalformed == true)
        #expect(error?.description.contains("\n") == false)
    }

    @Test func `no text makes the parser trap`() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<20_000 {
            let text = String.random(
                of: [
                    "###", " ", ">>>", "DELL", "ADDL", "REPL", "REPW", "EXIT", "1", "9", "\n", "\r\n", "é", "\u{301}",
                ],
                upTo: 12, using: &random)
            if let command = try? Command(parsing: text) { #expect(command.problem == nil) }
        }
    }
}
