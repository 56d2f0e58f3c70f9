import Demonstrations
import Foundation
import PythonRepair
import PythonSandbox
import StatefulTools
import Testing
import Tools

/// Some of the bundled tasks: every test makes its own demonstrations of them.
let someTasks: [any Tool] = RepairTask.starter.prefix(24).compactMap { try? PythonRepair($0) }

func synthesizer(of tasks: [any Tool], _ options: LessonOptions, _ sandbox: PythonSandbox) async throws -> Synthesizer {
    let teacher = try await type(of: tasks[0]).teacher(of: tasks, options, in: sandbox) { _, _ in }
    return Synthesizer(teacher, options: options, sandbox: sandbox)
}

func demonstrations(
    _ count: Int, _ options: LessonOptions, of tasks: [any Tool] = someTasks, workers: Int = 2
) async throws -> [Demonstration] {
    let sandbox = try await PythonSandbox()
    let synthesizer = try await synthesizer(of: tasks, options, sandbox)
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
    @Test(arguments: CorruptionFamily.allCases, PromptStyle.allCases.filter { !$0.showsExamples })
    func `played again, each starts failing, applies every right step and ends passing`(
        family: CorruptionFamily, prompt: PromptStyle
    ) async throws {
        let made = try await demonstrations(
            16, LessonOptions(seed: 3, family: family.rawValue, recovery: 0.5, prompt: prompt))
        #expect(made.count == 16)
        let sandbox = try await PythonSandbox()
        for demonstration in made {
            var tool = try Toolbox.standard.start(demonstration.task)
            let start = try await tool.judge(in: sandbox)
            #expect(!start.passed)
            #expect(start.failure == demonstration.meta.failure)
            #expect(try #require(demonstration.meta.editDistance) > 0)
            for answer in demonstration.answers {
                let command = try tool.read(answer.content)
                #expect(command == answer.content)
                do {
                    #expect((try tool.apply(command) == .done) == (answer == demonstration.messages.last))
                } catch {
                    #expect(answer.learn == false, "\(error)")
                }
            }
            #expect(try await tool.judge(in: sandbox).solved)
            #expect(demonstration.answers.count <= 10)
        }
        await sandbox.shutdown()
    }

    @Test func `the messages are those of an episode that a script plays`() async throws {
        let made = try await demonstrations(8, LessonOptions(seed: 4, recovery: 0.5, prompt: .compactDiff))
        let sandbox = try await PythonSandbox()
        for demonstration in made {
            let policy = ScriptedPolicy(completions: demonstration.answers.map(\.content))
            let player = EpisodePlayer(
                policy: policy, sandbox: sandbox, options: EpisodeOptions(endsAtFirstPass: false, prompt: .compactDiff))
            let trace = try await player.play(try PythonRepair(demonstration.task), sampling: .commands())
            #expect(trace.solved && trace.exit == .exit)
            let users = demonstration.messages.filter { $0.role == .user }.dropFirst().map(\.content)
            #expect(trace.turns.compactMap(\.feedback) == users)
        }
        await sandbox.shutdown()
    }

    @Test func `the number of workers changes nothing, the seed everything`() async throws {
        let options = LessonOptions(seed: 5, recovery: 0.3)
        let one = try await demonstrations(20, options, workers: 1)
        #expect(try await demonstrations(20, options, workers: 5) == one)
        var other = options
        other.seed = 6
        #expect(try await demonstrations(20, other).map(\.task.fields) != one.map(\.task.fields))
    }

    @Test func `the place of the next command does not follow from the last one's`() async throws {
        let made = try await demonstrations(
            60, LessonOptions(seed: 7, family: "tree", faults: 3...5), workers: 4)
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
        let plain = try await demonstrations(10, LessonOptions(seed: 8))
        #expect(plain.allSatisfy { $0.meta.kind == "corruption" && $0.answers.allSatisfy { $0.learn == true } })
        let made = try await demonstrations(20, LessonOptions(seed: 8, recovery: 1))
        for demonstration in made {
            #expect(demonstration.meta.kind == "recovery")
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
        let made = try await demonstrations(40, LessonOptions(seed: 9, family: "tree"))
        var counts = ["REPW": 0, "REPL": 0]
        for demonstration in made {
            var text = try PythonRepair(demonstration.task).program
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
        let whole = try await demonstrations(12, LessonOptions(seed: 10, prompt: .compact))
        let part = try await demonstrations(12, LessonOptions(seed: 10, prompt: .compactDiff))
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

    @Test func `two whole programs make a demonstration`() async throws {
        let task = RepairTask(
            id: "pair", prompt: "Add.", program: "def add(a, b):\n    c = a\n    return a - b\n",
            tests: .statements(["assert add(1, 2) == 3"]), reference: "import math\ndef add(a, b):\n    return a + b\n")
        let made = try await demonstrations(
            3, LessonOptions(seed: 1, family: nil), of: [try PythonRepair(task)])
        #expect(made.allSatisfy { $0.meta.kind == "pair" && $0.task.fields["program"] == .string(task.program) })
        // The pass ends an episode, so edits that no test needs may be left out.
        #expect(made.allSatisfy { (2...4).contains($0.answers.count) && $0.meta.family == nil })
    }

    @Test func `a game's demonstrations end solved within its turns`() async throws {
        let games = try Toolbox.standard.load("countdown", split: .test)
        let made = try await demonstrations(20, LessonOptions(seed: 2), of: games)
        #expect(made.count == 20)
        for demonstration in made {
            var game = try Toolbox.standard.start(demonstration.task)
            #expect(demonstration.answers.count <= 30 && demonstration.answers.last?.content == "### EXIT")
            for answer in demonstration.answers { _ = try game.apply(answer.content) }
            #expect(demonstration.meta.editDistance == nil && demonstration.meta.failure.hasSuffix("numbers"))
            #expect(demonstration.meta.kind == "expert" && demonstration.task.tool == "countdown")
        }
    }

    @Test func `what does not do what it shows is no demonstration`() async throws {
        let sandbox = try await PythonSandbox()
        let start = try PythonRepair(
            RepairTask(id: "x", prompt: "p", program: "x = 2\n", tests: .statements(["assert x == 1"])))
        func played(_ steps: [Step], from start: PythonRepair = start) async throws -> Demonstrator.Played? {
            try await Demonstrator(sandbox: sandbox, prompt: .brief).play(start, steps: steps)
        }
        let right = Step("### REPL 1 >>>x = 1")
        let made = try #require(try await played([right, Step("### ADDL 1 >>>y = 1")]))
        // The pass ends it: the model can't know of more to do.
        #expect(made.messages.filter { $0.role == .assistant }.map(\.content) == [right.text, "### EXIT"])
        #expect(made.messages.map(\.content)[2] == "1>>>x = 1\n***\nThe test passes.")
        #expect(try await played([right], from: start.starting(with: "x = 1\n")) == nil)
        #expect(try await played([Step("### REPL 1 >>>x = 3")]) == nil)
        #expect(try await played([Step("### DELL 7"), right]) == nil)
        #expect(try await played([Step("### DELL 7", learn: false), right]) != nil)
        #expect(try await played([Step(right.text, learn: false), right]) == nil)
        #expect(try await played((0..<9).map { Step("### ADDL 1 >>>y = \($0)") } + [right]) == nil)
        #expect(
            try await played((0..<8).map { Step("### ADDL 1 >>>y = \($0)") } + [Step("### REPL 9 >>>x = 1")]) != nil)
        await sandbox.shutdown()
    }

    @Test func `tasks that can't be used are named, and the others are`() async throws {
        var failing = RepairTask.starter[0]
        failing.id = "failing"
        failing.reference = "x = 1\n"
        var without = RepairTask.starter[1]
        without.id = "without"
        without.reference = nil
        let bad = [try PythonRepair(failing), try PythonRepair(without)]
        let sandbox = try await PythonSandbox()
        let teacher = try await PythonRepair.teacher(of: bad + [someTasks[2]], LessonOptions(), in: sandbox) { _, _ in }
        #expect(teacher.unusable.map(\.task) == ["failing", "without"] && teacher.tasks.count == 1)
        await #expect(throws: ToolTaskError.self) {
            try await PythonRepair.teacher(of: bad, LessonOptions(), in: sandbox) { _, _ in }
        }
        let unknown = await #expect(throws: ToolTaskError.self) {
            try await PythonRepair.teacher(of: someTasks, LessonOptions(family: "odd"), in: sandbox) { _, _ in }
        }
        #expect(unknown?.description == "\"odd\" is no family of corruptions; there are paper, tree, mixed")
        await sandbox.shutdown()
    }
}
