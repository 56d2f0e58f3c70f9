import PythonSandbox
import StatefulTools
import Testing

@testable import PythonRepair

/// The tool: commands, prompts, feedback, verdicts.
@Suite struct PythonRepairTests {
    private static let task = RepairTask(
        id: "add", prompt: "Add two numbers.", program: "def add(a, b):\n    return a - b\n",
        tests: .statements(["assert add(1, 2) == 3"]), reference: "def add(a, b):\n    return a + b\n")
    private static let failing = SandboxReport(tests: [TestOutcome(name: "t", status: .failed, got: "-1", want: "3")])

    private func withSandbox<Result>(_ body: (PythonSandbox) async throws -> Result) async throws -> Result {
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        do {
            let result = try await body(sandbox)
            await sandbox.shutdown()
            return result
        } catch {
            await sandbox.shutdown()
            throw error
        }
    }

    @Test func `a command changes the program, changes blanks, changes nothing, or ends`() throws {
        func effect(_ command: String) throws -> Effect {
            var tool = try PythonRepair(Self.task)
            return try tool.apply(tool.read(command))
        }
        #expect(try effect("### REPW 2 >>>- >>>+") == .changed)
        #expect(try effect("### REPL 2 >>>    return a - b  ") == .cosmetic)
        #expect(try effect("### REPL 2 >>>    return a - b") == .unchanged)
        #expect(try effect("### EXIT") == .done)
    }

    @Test func `a fault says whether the command is ill-formed everywhere, and the program stays`() throws {
        var tool = try PythonRepair(Self.task)
        let before = tool.state
        for (command, isMalformed) in [("### DELL 9", false), ("### REPW 2 >>>* >>>+", false), ("### DELL 0", true)] {
            let fault = #expect(throws: CommandFault.self) { try tool.apply(command) }
            #expect(fault?.isMalformed == isMalformed && tool.state == before, "\(command)")
        }
        #expect(throws: CommandFault.self) { try tool.read("return a + b") }
        let huge = String(repeating: "x", count: 300 << 10)
        let fault = #expect(throws: CommandFault.self) { try tool.apply("### ADDL 1 >>>\(huge)") }
        #expect(fault?.isMalformed == false && fault?.description.contains("would grow beyond") == true)
    }

    @Test func `a copy is a branch, and another start keeps the task`() throws {
        let tool = try PythonRepair(Self.task)
        var copy = tool
        _ = try copy.apply("### DELL 1")
        #expect(tool.state == Self.task.program && copy.state != tool.state)
        let other = tool.starting(with: "x = 1\n")
        #expect(other.state == "x = 1\n" && other.id == "add" && other.solution == Self.task.reference)
        #expect(try PythonRepair(other.task).state == "x = 1\n")
    }

    @Test func `the oracle and the expert solve`() async throws {
        try await withSandbox { sandbox in
            let tool = try PythonRepair(Self.task)
            let oracle = try #require(tool.oracle)
            #expect(oracle.count == 2 && oracle.last == "### EXIT")
            var random = SeededGenerator(seed: 1)
            for commands in [oracle.dropLast(), try #require(tool.expert(nil, using: &random)).map(\.text)[...]] {
                var copy = tool
                for command in commands { _ = try copy.apply(command) }
                #expect(try await copy.judge(in: sandbox).solved)
            }
        }
    }

    @Test func `the opening holds instruction, task, tests, numbered program and feedback in this order`() throws {
        let tool = try PythonRepair(Self.task)
        let messages = tool.messages(Self.failing.feedback, .paper)
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
        let roles = tool.messages(Self.failing.feedback, .examples).map(\.role)
        #expect(roles.count > 4)
        for (index, role) in roles.dropFirst().enumerated() { #expect(role == (index % 2 == 0 ? .user : .assistant)) }
    }

    @Test func `a reply shows the changed lines with a line around them`() throws {
        let text = (1...9).map { "line \($0)\n" }.joined()
        var tool = try PythonRepair(Self.task).starting(with: text)
        _ = try tool.apply("### REPL 5 >>>five")
        #expect(tool.reply("f", since: text, .brief) == "4>>>line 4\n5>>>five\n6>>>line 6\n***\nf")
        #expect(tool.reply("f", since: text, .compact).split(separator: "\n").count == 11)
        #expect(tool.reply("f", since: tool.state, .brief) == "***\nf")
    }

    @Test func `feedback stays short whatever the program does`() {
        let long = String(repeating: "x\n", count: 50_000)
        let outcome = TestOutcome(name: long, status: .failed, message: long, got: long, want: long)
        let report = SandboxReport(tests: Array(repeating: outcome, count: 100))
        #expect(report.feedback.count < 2_000)
        #expect(report.feedback.hasSuffix("... (95 more)"))
        let error = SandboxReport(programError: ProgramError(type: "SyntaxError", message: long, line: 3), tests: [])
        #expect(error.feedback.count < 200)
        #expect(!error.feedback.contains("\n"))
    }

    @Test func `a verdict tells visible from hidden tests, and how most tests fail`() {
        let passed = TestOutcome(name: "t", status: .passed)
        let failed = TestOutcome(name: "t", status: .failed, got: "1", want: "2")
        let raised = TestOutcome(name: "t", status: .error, errorType: "KeyError", line: 4)
        let some = Verdict(SandboxReport(tests: [failed, raised, passed, raised], hiddenTests: []))
        #expect(!some.passed && some.hiddenPassed == nil && some.progress == 0.25 && some.failure == "KeyError")
        #expect(some.checks.map(\.line) == [nil, 4, nil, 4] && some.checks[0].note == "got 1, want 2")
        let cheats = Verdict(SandboxReport(tests: [passed], hiddenTests: [failed]))
        #expect(cheats.passed && cheats.hiddenPassed == false && !cheats.solved && cheats.failure == nil)
        #expect(Verdict(SandboxReport(tests: [passed], hiddenTests: [passed])).solved)
        let broken = Verdict(
            SandboxReport(programError: ProgramError(type: "SyntaxError", message: "m", line: 3), tests: [failed]))
        #expect(broken.failure == "SyntaxError" && broken.checks[0].line == 3)
    }

    @Test(arguments: 0..<WorkedExample.all.count)
    func `the feedback of the worked examples is what the sandbox says`(index: Int) async throws {
        let example = WorkedExample.all[index]
        try await withSandbox { sandbox in
            let policy = ScriptedPolicy(completions: example.turns.map(\.command.description))
            let trace = try await EpisodePlayer(
                policy: policy, sandbox: sandbox, options: EpisodeOptions(endsAtFirstPass: false)
            ).play(try PythonRepair(example.task), sampling: .commands())
            #expect(trace.initialVerdict?.feedback == example.feedback)
            #expect(trace.turns.dropLast().map(\.verdict.feedback) == example.turns.map(\.feedback))
            #expect(trace.solved && trace.exit == .exit && trace.reward == 1)
        }
    }

    @Test func `hidden tests decide whether a task is solved`() async throws {
        var task = Self.task
        task.hiddenTests = ["assert add(2, 2) == 4"]
        try await withSandbox { sandbox in
            let trace = try await EpisodePlayer(
                policy: ScriptedPolicy(completions: ["### REPL 2 >>>    return 3"]), sandbox: sandbox
            ).play(try PythonRepair(task), sampling: .commands())
            #expect(trace.passed && !trace.solved && trace.exit == .passed)
        }
    }

    @Test func `a command is graded against the reference`() throws {
        let tool = try PythonRepair(Self.task)
        #expect(tool.grade("### REPL 2 >>>    return a + b") == grades(true, true, true, true))
        #expect(tool.grade("### REPL 2 >>>    return b") == grades(true, true, true, false))
        #expect(tool.grade("### DELL 2") == grades(true, true, false, false))
        #expect(tool.grade("### DELL 1") == grades(true, false, false, false))
        #expect(tool.grade("### DELL 3") == grades(false, false, false, false))
        #expect(tool.grade("hello") == grades(false, false, false, false))
    }

    private func grades(_ executable: Bool, _ line: Bool, _ command: Bool, _ exact: Bool) -> [String: Bool] {
        ["executable": executable, "line": line, "command": command, "exact": exact]
    }
}
