import Demonstrations
import Episodes
import Foundation
import LineEditor
import PythonSandbox
import RepairTasks
import Testing

/// Some of the bundled tasks: every test makes its own demonstrations of them.
let someTasks = Array(RepairTask.starter.prefix(24))

func demonstrations(
    _ count: Int, _ options: SynthesisOptions, of tasks: [RepairTask] = someTasks, workers: Int = 2
) async throws -> [Demonstration] {
    let sandbox = try await PythonSandbox()
    let synthesizer = try await Synthesizer(tasks: tasks, options: options, sandbox: sandbox)
    var made: [Demonstration] = []
    try await synthesizer.run(workers: workers) { index, demonstration in
        if let demonstration { made.append(demonstration) }
        return made.count < count && index < 20 * count
    }
    await sandbox.shutdown()
    return made
}

extension Demonstration {
    var answers: [Message] { messages.filter { $0.role == .assistant } }
}

@Suite struct DemonstrationTests {
    @Test(arguments: CorruptionFamily.allCases, StateForm.allCases)
    func `played again, each starts failing, applies every right step and ends passing`(
        family: CorruptionFamily, state: StateForm
    ) async throws {
        let made = try await demonstrations(
            16, SynthesisOptions(seed: 3, family: family, recovery: 0.5, state: state))
        #expect(made.count == 16)
        let sandbox = try await PythonSandbox()
        for demonstration in made {
            var text = ProgramText(demonstration.task.program)
            let start = try await sandbox.run(demonstration.task.job(program: text.text))
            #expect(!start.passed)
            #expect(start.failure == demonstration.meta.failure)
            #expect(demonstration.meta.editDistance > 0)
            for answer in demonstration.answers {
                let command = try Command(parsing: answer.content)
                #expect(command.description == answer.content)
                #expect((command == .exit) == (answer == demonstration.messages.last))
                do {
                    try text.apply(command)
                } catch {
                    #expect(answer.learn == false, "\(error)")
                }
            }
            let end = try await sandbox.run(demonstration.task.job(program: text.text))
            #expect(end.passed && end.hiddenPassed)
            #expect(demonstration.answers.count <= 10)
        }
        await sandbox.shutdown()
    }

    @Test func `the messages are those of an episode that a script plays`() async throws {
        let made = try await demonstrations(8, SynthesisOptions(seed: 4, recovery: 0.5, state: .compactDiff))
        let sandbox = try await PythonSandbox()
        for demonstration in made {
            let policy = ScriptedPolicy(completions: demonstration.answers.map(\.content))
            let runner = EpisodeRunner(
                policy: policy, sandbox: sandbox, options: EpisodeOptions(prompt: StateForm.compactDiff.prompt))
            let trace = try await runner.play(demonstration.task, sampling: SamplingParameters())
            #expect(trace.solved && trace.exit == .exit)
            let users = demonstration.messages.filter { $0.role == .user }.dropFirst().map(\.content)
            #expect(trace.turns.compactMap(\.feedback) == users)
        }
        await sandbox.shutdown()
    }

    @Test func `the number of workers changes nothing, the seed everything`() async throws {
        let options = SynthesisOptions(seed: 5, recovery: 0.3)
        let one = try await demonstrations(20, options, workers: 1)
        #expect(try await demonstrations(20, options, workers: 5) == one)
        var other = options
        other.seed = 6
        #expect(try await demonstrations(20, other).map(\.task.program) != one.map(\.task.program))
    }

    @Test func `the place of the next command does not follow from the last one's`() async throws {
        let made = try await demonstrations(
            60, SynthesisOptions(seed: 7, family: .tree, faults: 3...5), workers: 4)
        var up = 0
        var down = 0
        var next = 0
        for demonstration in made {
            let lines = demonstration.answers.compactMap { answer in
                let words = answer.content.split(separator: " ")
                return words.count > 2 ? Int(words[2]) : nil
            }
            for (first, second) in zip(lines, lines.dropFirst()) {
                if second > first { down += 1 } else if second < first { up += 1 }
                if second == first + 1 { next += 1 }
            }
        }
        let total = Double(up + down)
        // In the order from the top, `up` would be 0 and `next` most of all.
        #expect(Double(up) / total > 0.35 && Double(down) / total > 0.35)
        #expect(Double(next) / total < 0.35)
    }

    @Test func `a wrong edit is not to be learned, everything else is`() async throws {
        let plain = try await demonstrations(10, SynthesisOptions(seed: 8))
        #expect(plain.allSatisfy { $0.meta.kind == .corruption && $0.answers.allSatisfy { $0.learn == true } })
        let made = try await demonstrations(20, SynthesisOptions(seed: 8, recovery: 1))
        for demonstration in made {
            #expect(demonstration.meta.kind == .recovery)
            #expect(demonstration.answers.count { $0.learn == false } == 1, "\(demonstration.messages)")
            #expect(demonstration.answers.last?.learn == true)
            #expect(demonstration.messages.allSatisfy { ($0.learn == nil) == ($0.role != .assistant) })
        }
        // Both kinds of wrong steps: such that can't be carried out, and such that can.
        let refused = made.count { demonstration in
            demonstration.messages.indices.contains { index in
                demonstration.messages[index].learn == false
                    && demonstration.messages[index + 1].content.contains("Error: ")
            }
        }
        #expect(refused > 0 && refused < made.count)
    }

    @Test func `a replaced string stands in its line once, and both forms of change occur`() async throws {
        let made = try await demonstrations(40, SynthesisOptions(seed: 9, family: .tree))
        var counts = ["REPW": 0, "REPL": 0]
        for demonstration in made {
            var text = ProgramText(demonstration.task.program)
            for answer in demonstration.answers {
                let command = try Command(parsing: answer.content)
                if case .substitute(let line, let old, _) = command {
                    #expect(text.lines[line - 1].components(separatedBy: old).count == 2)
                    counts["REPW"]? += 1
                } else if case .replace = command {
                    counts["REPL"]? += 1
                }
                try text.apply(command)
            }
        }
        #expect(counts.values.allSatisfy { $0 > 5 }, "\(counts)")
    }

    @Test func `after the first turn the compact difference shows the changed lines alone`() async throws {
        let whole = try await demonstrations(12, SynthesisOptions(seed: 10, state: .compact))
        let part = try await demonstrations(12, SynthesisOptions(seed: 10, state: .compactDiff))
        #expect(whole.map { $0.answers.map(\.content) } == part.map { $0.answers.map(\.content) })
        #expect(whole.map { $0.messages[1] } == part.map { $0.messages[1] })
        for (whole, part) in zip(whole, part) {
            for (long, short) in zip(whole.messages, part.messages).dropFirst(2) where long.role == .user {
                let shown = short.content.components(separatedBy: "***\n")[0].split(separator: "\n")
                #expect(shown.count <= 4)
                #expect(shown.allSatisfy { long.content.contains("\($0)\n") })
            }
        }
    }

    @Test func `two whole programs make a demonstration, and the oracle's commands`() async throws {
        let task = RepairTask(
            id: "pair", prompt: "Add.", program: "def add(a, b):\n    c = a\n    return a - b\n",
            tests: .statements(["assert add(1, 2) == 3"]), reference: "import math\ndef add(a, b):\n    return a + b\n")
        let made = try await demonstrations(
            3, SynthesisOptions(seed: 1, family: nil), of: [task])
        #expect(made.allSatisfy { $0.meta.kind == .pair && $0.task.program == task.program })
        var text = ProgramText(task.program)
        let oracle = try #require(task.oracle)
        #expect(oracle.last == .exit && oracle.count == 4)
        for command in oracle { try text.apply(command) }
        #expect(text.text == task.reference)
    }

    @Test func `tasks that can't be used are named, and the others are`() async throws {
        var failing = someTasks[0]
        failing.id = "failing"
        failing.reference = "x = 1\n"
        var without = someTasks[1]
        without.id = "without"
        without.reference = nil
        let sandbox = try await PythonSandbox()
        let synthesizer = try await Synthesizer(
            tasks: [failing, without, someTasks[2]], options: SynthesisOptions(), sandbox: sandbox)
        #expect(synthesizer.unusable.map(\.task) == ["failing", "without"])
        await #expect(throws: RepairTaskError.self) {
            try await Synthesizer(tasks: [failing, without], options: SynthesisOptions(), sandbox: sandbox)
        }
        await sandbox.shutdown()
    }

    @Test func `the rate is measured over what is really made`() async throws {
        let sandbox = try await PythonSandbox()
        let synthesizer = try await Synthesizer(tasks: someTasks, options: SynthesisOptions(), sandbox: sandbox)
        let before = await synthesizer.cache.runs
        let rate = try await synthesizer.rate(count: 5, workers: 2)
        #expect(rate > 0 && rate.isFinite)
        // Each needs two states tested at least, its start and its end, of which the end may be remembered.
        #expect(await synthesizer.cache.runs - before >= 5)
        await sandbox.shutdown()
    }

    @Test func `a program is run once while it is remembered`() async throws {
        let sandbox = try await PythonSandbox()
        let cache = JobCache(sandbox, capacity: 4)
        let job = someTasks[0].job(program: "x = 1\n")
        let first = try await cache.run(job)
        #expect(try await cache.run(job) == first)
        #expect(await cache.runs == 1)
        for number in 0..<8 { _ = try await cache.run(someTasks[0].job(program: "x = \(number + 2)\n")) }
        _ = try await cache.run(job)
        #expect(await cache.runs == 10)
        #expect(await cache.requests == 11)
        await sandbox.shutdown()
    }
}
