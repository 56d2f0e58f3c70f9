import Countdown
import PythonSandbox
import StatefulTools
import Testing

@Suite struct CountdownTests {
    private func game(_ numbers: [Int], _ target: Int) throws -> Countdown {
        let fields: [String: JSONValue] = [
            "numbers": .array(numbers.map { .number(Double($0)) }), "target": .number(Double(target)),
        ]
        return try Countdown(ToolTask(id: "game", tool: Countdown.name, fields: fields))
    }

    /// The games of each split, made once for all tests.
    private static let made: [TaskSplit: [any Tool]] = [TaskSplit.train, .validation, .test].reduce(into: [:]) {
        $0[$1] = try? Countdown.tasks("countdown", split: $1)
    }

    private func games(_ split: TaskSplit) throws -> [any Tool] { try #require(Self.made[split]) }

    private func fields(_ game: any Tool) throws -> (numbers: [Int], target: Int) {
        struct Fields: Decodable {
            var numbers: [Int]
            var target: Int
        }
        let fields = try game.task.decode(Fields.self)
        return (fields.numbers, fields.target)
    }

    private func withSandbox(_ body: (PythonSandbox) async throws -> Void) async throws {
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        do {
            try await body(sandbox)
        } catch {
            await sandbox.shutdown()
            throw error
        }
        await sandbox.shutdown()
    }

    // MARK: - Games

    @Test func `the same games come each time, as many and as large as promised`() throws {
        let train = try games(.train)
        #expect(try Countdown.tasks("countdown", split: .test)?.map(\.task) == games(.test).map(\.task))
        #expect(train.count == 2_000)
        #expect(Set(train.map(\.id)).count == 2_000)
        for split in [TaskSplit.validation, .test] { #expect(try games(split).count == 500) }
        for game in train {
            let (numbers, target) = try fields(game)
            #expect((3...6).contains(numbers.count) && (10...999).contains(target) && !numbers.contains(target))
            #expect(numbers.allSatisfy { (1...10).contains($0) || [25, 50, 75, 100].contains($0) })
        }
        let four = try #require(try Countdown.tasks("countdown-4", split: .test))
        #expect(try four.count == 500 && four.allSatisfy { try fields($0).numbers.count == 4 })
        #expect(Set(try train.map { try fields($0).numbers.count }) == [3, 4, 5, 6])
        #expect(try Countdown.tasks("countdown-9", split: .test) == nil)
        #expect(try Countdown.tasks("starter", split: .test) == nil)
    }

    @Test func `splits never share numbers and target`() throws {
        var owners: [String: TaskSplit] = [:]
        for (split, games) in Self.made {
            for game in games {
                let (numbers, target) = try fields(game)
                let owner = owners.updateValue(split, forKey: "\(numbers.sorted()) \(target)")
                #expect(owner == nil || owner == split, "\(game.id)")
            }
        }
        // Demonstrations of a held game are fresh games to train on.
        var random = SeededGenerator(seed: 5)
        for game in try games(.test).prefix(100).compactMap({ $0 as? Countdown }) {
            let fresh = try #require(game.corrupted(using: &random))
            let (numbers, target) = try fields(fresh)
            let owner = owners["\(numbers.sorted()) \(target)"]
            #expect(owner == nil || owner == .train)
            #expect(try numbers.count == fields(game).numbers.count)
        }
    }

    @Test func `the generator decides a fresh game`() throws {
        let game = try game([2, 3, 4], 10)
        func fresh(_ seed: UInt64) -> String? {
            var random = SeededGenerator(seed: seed)
            return game.corrupted(using: &random)?.id
        }
        #expect(fresh(1) == fresh(1) && fresh(1) != fresh(2))
    }

    @Test(arguments: [([7], 7), ([1, 2, 3, 4, 5, 6, 7, 8, 9], 10), ([0, 3], 3), ([-1, 3], 3), ([1, 2], 0)])
    func `numbers and targets beyond the rules are refused`(numbers: [Int], target: Int) {
        let error = #expect(throws: ToolTaskError.self) { try game(numbers, target) }
        #expect(error?.code == .badField && error?.description.contains("game") == true)
    }

    // MARK: - Commands

    @Test func `two numbers become their result, and division is exact`() throws {
        func after(_ command: String) throws -> String {
            var game = try game([8, 3, 2], 99)
            #expect(try game.apply(command) == .changed)
            return game.state.split(separator: "\n").last.map(String.init) ?? ""
        }
        #expect(try after("### 8 + 3") == "2 11")
        #expect(try after("### 8 - 3") == "2 5")
        #expect(try after("### 8 * 3") == "2 24")
        #expect(try after("### 8 / 2") == "3 4")
    }

    @Test(arguments: [
        ("### 8 / 3", "8 / 3 is no whole number", false), ("### 3 - 8", "3 - 8 is no whole number", false),
        ("### 3 - 3", "3 is not one of the numbers 2 3 8", false),
        ("### 8 + 5", "5 is not one of the numbers 2 3 8", false),
        ("### UNDO", "there is nothing to undo", false), ("### 8 ^ 3", "write ### <a> <op> <b>", true),
        ("### GO", "write ### <a> <op> <b>", true), ("### 8 + 3 + 2", "write ### <a> <op> <b>", true),
        ("### x + y", "write ### <a> <op> <b>", true),
    ])
    func `what can't be done is said, and the game stays`(command: String, sentence: String, isMalformed: Bool) throws {
        var game = try game([8, 3, 2], 99)
        let before = game.state
        let fault = #expect(throws: CommandFault.self) { try game.apply(command) }
        #expect(fault?.description.contains(sentence) == true, "\(fault?.description ?? "")")
        #expect(fault?.isMalformed == isMalformed && game.state == before)
    }

    @Test func `results have a limit`() throws {
        var game = try game([999_999, 2], 99)
        #expect(throws: CommandFault.self) { try game.apply("### 999999 * 2") }
        #expect(throws: CommandFault.self) { try game.apply("### 999999 + 2") }
    }

    @Test func `UNDO takes commands back, one after the other`() throws {
        var game = try game([8, 3, 2], 99)
        var states = [game.state]
        for command in ["### 8 + 3", "### 11 * 2"] {
            _ = try game.apply(command)
            states.append(game.state)
        }
        for state in states.reversed().dropFirst() {
            #expect(try game.apply("### UNDO") == .changed)
            #expect(game.state == state)
        }
        #expect(throws: CommandFault.self) { try game.apply("### UNDO") }
        #expect(try game.apply("### EXIT") == .done)
    }

    @Test func `the grammar holds every move once, the larger number first`() throws {
        var random = SeededGenerator(seed: 3)
        for start in try games(.validation).prefix(30) {
            var game = start
            for _ in 0..<3 {
                let grammar = try #require(game.grammar(allowsExit: false))
                let numbers = game.state.split(separator: "\n").last?.split(separator: " ").compactMap { Int($0) } ?? []
                var reached: Set<String> = []
                var possible: Set<String> = []
                var moves: [String] = []
                for a in numbers {
                    for b in numbers {
                        for sign in ["+", "-", "*", "/"] {
                            let command = "### \(a) \(sign) \(b)"
                            var next = game
                            let applies = (try? next.apply(command)) != nil
                            if applies { possible.insert(next.state) }
                            guard grammar.accepts(command) else { continue }
                            #expect(applies, "\(command) with \(numbers)")
                            reached.insert(next.state)
                            moves.append(command)
                        }
                    }
                }
                #expect(reached == possible)
                #expect(grammar.accepts("### UNDO") == game.state.contains("\n"))
                #expect(!grammar.accepts("### EXIT") && game.grammar(allowsExit: true)?.accepts("### EXIT") == true)
                guard let move = random.element(of: moves) else { break }
                _ = try game.apply(move)
            }
        }
    }

    // MARK: - Verdicts and answers

    @Test func `the verdict says how near the target is`() async throws {
        try await withSandbox { sandbox in
            var game = try game([8, 3, 2], 24)
            let before = try await game.judge(in: sandbox)
            #expect(!before.passed && before.feedback == "The nearest is 16 away." && before.failure == "3 numbers")
            _ = try game.apply("### 8 * 3")
            let after = try await game.judge(in: sandbox)
            #expect(after.solved && after.progress == 1 && after.failure == nil && before.progress < after.progress)
            #expect(game.opening(after.feedback, .brief) == "Target: 24\nNumbers: 2 24\n***\nThe target is there.")
        }
    }

    @Test func `the solver solves held games of every size, and its commands are of the grammar`() async throws {
        try await withSandbox { sandbox in
            for start in try games(.test).prefix(60) {
                let oracle = try #require(start.oracle, "\(start.id)")
                #expect(oracle.count <= 7 && !oracle.contains("### UNDO"))
                let trace = try await EpisodePlayer(
                    policy: ScriptedPolicy(completions: oracle), sandbox: sandbox,
                    options: EpisodeOptions(turns: Countdown.turns, endsAtFirstPass: false)
                ).play(start, sampling: .commands())
                #expect(trace.solved && trace.exit == .exit && trace.turns.allSatisfy { $0.error == nil })
            }
        }
    }

    @Test func `an unsolvable game has no way`() throws {
        #expect(try game([1, 1], 900).oracle == nil)
    }

    @Test func `the expert solves from any state, and takes dead ends back first`() async throws {
        try await withSandbox { sandbox in
            var random = SeededGenerator(seed: 8)
            var undos = 0
            for start in try games(.validation).prefix(60) {
                var game = start
                let numbers = game.state.split(separator: " ").compactMap { Int($0) }
                _ = try? game.apply("### \(numbers[numbers.count - 1]) + \(numbers[0])")
                let steps = try #require(game.expert(nil, using: &random))
                undos += steps.count { $0.text == "### UNDO" }
                #expect(steps.drop { $0.text == "### UNDO" }.allSatisfy { $0.text != "### UNDO" })
                for step in steps { #expect(try game.apply(step.text) == .changed) }
                #expect(try await game.judge(in: sandbox).solved)
            }
            #expect(undos > 0)
        }
    }

    @Test func `statistics count commands by their operator`() {
        #expect(["### 8 + 3", "### 8 / 2", "### UNDO", "### EXIT"].map(Countdown.verb) == ["+", "/", "UNDO", "EXIT"])
    }
}
