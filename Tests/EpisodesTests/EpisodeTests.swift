import LineEditor
import PythonSandbox
import RepairTasks
import Testing

@testable import Episodes

/// The state machine alone; the reports are made up.
@Suite struct EpisodeTests {
    static let task = RepairTask(
        id: "add", prompt: "Add two numbers.", program: "def add(a, b):\n    return a - b\n",
        tests: .statements(["assert add(1, 2) == 3"]))
    static let failing = SandboxReport(tests: [TestOutcome(name: "t", status: .failed, got: "-1", want: "3")])
    static let passing = SandboxReport(tests: [TestOutcome(name: "t", status: .passed)])

    /// Plays completions against reports that pass when the program says `a + b`.
    func play(_ completions: [String], _ options: EpisodeOptions = EpisodeOptions()) -> Episode {
        var episode = Episode(task: Self.task, options: options)
        var rest = completions[...]
        var action = episode.start()
        while true {
            switch action {
            case .test(let job):
                action = episode.receive(job.program.contains("a + b") ? Self.passing : Self.failing)
            case .respond:
                guard let completion = rest.popFirst() else {
                    episode.end(.contextFull)
                    return episode
                }
                action = episode.receive(Completion(text: completion))
            case .end: return episode
            }
        }
    }

    static let fix = "### REPW 2 >>>a - b >>>a + b"

    @Test func `the first passing turn earns one, later ones nothing, EXIT ends`() {
        let episode = play([Self.fix, "### ADDL 1 >>># sum", "### EXIT", "### DELL 1"])
        #expect(episode.turns.map(\.reward) == [1, 0, 0])
        #expect(episode.exit == .exit)
        #expect(episode.program.text == "# sum\ndef add(a, b):\n    return a + b\n")
    }

    @Test func `breaking and mending again earns nothing the second time`() {
        let episode = play([Self.fix, "### REPW 2 >>>+ >>>-", Self.fix, "### EXIT"])
        #expect(episode.turns.map(\.reward) == [1, 0, 0, 0])
    }

    @Test func `a malformed command costs a turn and a half, and says what was wrong`() throws {
        let episode = play(["I would use a + b", "### DELL 9", "### EXIT"])
        #expect(episode.turns.map(\.reward) == [-0.5, 0, 0])
        #expect(episode.turns[0].command == nil)
        #expect(try #require(episode.turns[0].feedback).contains("Error: no command"))
        #expect(
            episode.turns[1].feedback == """
                1>>>def add(a, b):
                2>>>    return a - b
                ***
                Error: line 9 does not exist: the program has lines 1 to 2
                test 1: got -1, want 3
                """)
        #expect(episode.program.text == Self.task.program)
    }

    @Test func `ten turns without EXIT cost a half in the last`() {
        let episode = play(Array(repeating: "### ADDL 1 >>>", count: 20))
        #expect(episode.turns.count == 10)
        #expect(episode.exit == .turnLimit)
        #expect(episode.turns.map(\.reward) == Array(repeating: 0, count: 9) + [-0.5])
    }

    @Test func `a full context ends without EXIT too`() {
        let episode = play([Self.fix])
        #expect(episode.exit == .contextFull)
        #expect(episode.turns.map(\.reward) == [0.5])
    }

    @Test func `with the option the episode ends at the first pass, without a fine`() {
        let episode = play([Self.fix], EpisodeOptions(endsAtFirstPass: true))
        #expect(episode.exit == .passed)
        #expect(episode.turns.map(\.reward) == [1])
    }

    @Test func `a command that changes nothing is told so and not tested again`() throws {
        let episode = play(["### REPL 1 >>>def add(a, b):", "### EXIT"])
        #expect(try #require(episode.turns[0].feedback).contains("Error: the command changed nothing"))
        #expect(episode.turns[0].programDigest == episode.turns[1].programDigest)
    }

    @Test func `the opening holds instruction, task, tests, numbered program and feedback in this order`() throws {
        var prompt = Prompt(numbering: .paper, workedExamples: false)
        let messages = prompt.messages(for: Self.task, report: Self.failing)
        #expect(messages.map(\.role) == [.system, .user])
        #expect(
            messages[1].content == """
                Task: Add two numbers.
                Tests:
                assert add(1, 2) == 3
                Program:
                L 1 def add(a, b):
                L 2     return a - b
                ***
                test 1: got -1, want 3
                """)
        prompt.workedExamples = true
        let roles = prompt.messages(for: Self.task, report: Self.failing).map(\.role)
        #expect(roles.count > 4)
        for (index, role) in roles.dropFirst().enumerated() { #expect(role == (index % 2 == 0 ? .user : .assistant)) }
    }

    @Test func `feedback stays short whatever the program does`() {
        let long = String(repeating: "x\n", count: 50_000)
        let outcome = TestOutcome(name: long, status: .failed, message: long, got: long, want: long)
        let report = SandboxReport(tests: Array(repeating: outcome, count: 100))
        #expect(Prompt.feedback(report).count < 2_000)
        #expect(Prompt.feedback(report).hasSuffix("... (95 more)"))
        let error = SandboxReport(programError: ProgramError(type: "SyntaxError", message: long, line: 3), tests: [])
        #expect(Prompt.feedback(error).count < 200)
        #expect(!Prompt.feedback(error).contains("\n"))
    }
}
