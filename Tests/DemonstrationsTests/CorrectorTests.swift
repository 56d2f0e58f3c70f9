import Demonstrations
import PythonRepair
import PythonSandbox
import StatefulTools
import Testing

private let task = RepairTask(
    id: "sum", prompt: "Add.", program: "def add(a, b):\n    c = a\n    d = b\n    return a - d",
    tests: .statements(["assert add(1, 2) == 3", "assert add(0, 2) == 2"]), hiddenTests: ["assert add(5, 5) == 10"],
    reference: "def add(a, b):\n    d = b\n    return a + d")

private func played(_ task: RepairTask, _ answers: [String], in sandbox: PythonSandbox) async throws -> Trace {
    let options = EpisodeOptions(turns: answers.count, endsAtFirstPass: false, isConstrained: false, prompt: .brief)
    return try await EpisodePlayer(
        policy: ScriptedPolicy(completions: answers), sandbox: sandbox, options: options
    ).play(try PythonRepair(task), sampling: .commands())
}

/// A wrong edit, one that can't be read, one that can't be carried out, and a further wrong one.
private let mistakes = ["### REPL 4 >>>    return a * b", "add them", "### DELL 9", "### ADDL 2 >>>        c = 1"]

@Suite struct CorrectorTests {
    private func corrections(_ traces: [Trace], mistakes: Int = 4, seed: UInt64 = 1, draws: Int = 12)
        async throws -> [Demonstration]
    {
        let sandbox = try await PythonSandbox()
        let corrector = try await Corrector(
            traces, tasks: [try PythonRepair(task)], mistakes: mistakes,
            options: LessonOptions(seed: seed, family: nil, prompt: .brief), sandbox: sandbox)
        var made: [Demonstration] = []
        try await corrector.run(workers: 2) { index, demonstration in
            if let demonstration { made.append(demonstration) }
            return index + 1 < draws
        }
        await sandbox.shutdown()
        return made
    }

    @Test func `begins with the model's own commands, which are not learned, and ends well`() async throws {
        let sandbox = try await PythonSandbox()
        let trace = try await played(task, mistakes, in: sandbox)
        #expect(!trace.solved)
        let made = try await corrections([trace])
        #expect(made.count == 12)
        var lengths: Set<Int> = []
        for demonstration in made {
            #expect(demonstration.meta.kind == "correction" && demonstration.meta.source == "sum")
            let own = demonstration.answers.prefix { $0.learn == false }
            lengths.insert(own.count)
            #expect(own.map(\.content) == Array(mistakes.prefix(own.count)))
            #expect(demonstration.answers.dropFirst(own.count).allSatisfy { $0.learn == true })
            // An episode that plays the same answers reads the same messages, and is solved.
            let answers = demonstration.answers.map(\.content)
            let again = try await played(task, answers, in: sandbox)
            #expect(again.solved && again.exit == .exit)
            let users = demonstration.messages.filter { $0.role == .user }.dropFirst().map(\.content)
            #expect(again.turns.compactMap(\.feedback) == users)
        }
        #expect(lengths == [1, 2, 3, 4])
        #expect(try await corrections([trace], mistakes: 1).allSatisfy { $0.answers[1].learn == true })
        await sandbox.shutdown()
    }

    @Test func `what the tests complain of is repaired first`() async throws {
        let sandbox = try await PythonSandbox()
        let trace = try await played(task, ["### REPL 4 >>>    return a +"], in: sandbox)
        for demonstration in try await corrections([trace]) {
            let next = try Command(parsing: demonstration.answers[1].content)
            #expect(next.line == 4)
        }
        await sandbox.shutdown()
    }

    @Test func `the seed decides, and EXIT is no mistake to go on from`() async throws {
        let sandbox = try await PythonSandbox()
        let trace = try await played(task, mistakes, in: sandbox)
        #expect(try await corrections([trace], seed: 2) == corrections([trace], seed: 2))
        #expect(try await corrections([trace], seed: 2) != corrections([trace], seed: 3))
        let early = try await played(task, ["### EXIT"], in: sandbox)
        #expect(try await corrections([early]).isEmpty)
        await sandbox.shutdown()
    }

    @Test func `solved episodes, and those of other tasks, are left out`() async throws {
        let sandbox = try await PythonSandbox()
        let solved = try await played(task, ["### DELL 2", "### REPL 3 >>>    return a + b"], in: sandbox)
        #expect(solved.solved)
        var other = try await played(task, mistakes, in: sandbox)
        other.task = "other"
        await #expect(throws: ToolTaskError.self) { try await corrections([solved, other]) }
        await sandbox.shutdown()
    }
}
