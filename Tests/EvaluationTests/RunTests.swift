import Foundation
import PythonRepair
import PythonSandbox
import StatefulTools
import Testing
import Tools

@testable import Evaluation

@Suite struct RunTests {
    let folder = temporaryFolder()
    static let repairs = (0..<7).map {
        RepairTask(
            id: "t\($0)", prompt: "", program: "x = \($0)\ny = 0\n", tests: .statements(["assert x + y == 9"]),
            reference: "x = \($0)\ny = \(9 - $0)\n")
    }
    static let tasks = repairs.map(\.start)

    @Test func `a subset is the seed's, keeps the order, and a larger one holds it`() {
        func ids(_ subset: Int, seed: UInt64) -> [String] {
            var configuration = EvaluationConfiguration(set: "s", method: .coe, model: "m")
            configuration.subset = subset
            configuration.seed = seed
            return configuration.selection(of: Self.tasks).map(\.id)
        }
        #expect(ids(3, seed: 1) == ids(3, seed: 1))
        #expect(Set((0..<20).map { ids(3, seed: $0) }).count > 5)
        #expect(ids(4, seed: 2).sorted() == ids(4, seed: 2))
        #expect(Set(ids(3, seed: 2)).isSubset(of: ids(4, seed: 2)))
        #expect(ids(9, seed: 2).count == 7)
    }

    @Test(arguments: [("1/1", true), ("2/8", true), ("0/8", false), ("9/8", false), ("1", false), ("1/2/3", false)])
    func `a shard is i of n`(text: String, isShard: Bool) {
        #expect((Shard(text) != nil) == isShard)
    }

    @Test func `merged shards are the run that one machine would have made`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        var configuration = EvaluationConfiguration(set: "s", method: .oracle, model: "oracle")
        configuration.samples = 2
        configuration.subset = 5
        func play() async throws -> EvaluationRun {
            let name = folder.appending(path: configuration.shard.map { "\($0.index)" } ?? "whole")
            _ = try await Evaluation(configuration, policy: ScriptedPolicy(completions: []), sandbox: sandbox)
                .run(Self.tasks, folder: name)
            return try EvaluationRun(folder: name, tools: .standard)
        }
        let whole = try await play()
        var shards: [EvaluationRun] = []
        for index in 1...3 {
            configuration.shard = Shard("\(index)/3")
            shards.append(try await play())
        }
        #expect(shards.map(\.tasks.count) == [2, 2, 1])
        let merged = try EvaluationRun(merging: [shards[2], shards[0], shards[1]])
        #expect(merged.configuration == whole.configuration)
        #expect(merged.tasks.map(\.task) == whole.tasks.map(\.task))
        #expect(Set(merged.traces.map(\.seed)) == Set(whole.traces.map(\.seed)))
        #expect(EvaluationSummary(merged).pass == EvaluationSummary(whole).pass)
        try merged.write(to: folder.appending(path: "merged"))
        #expect(try EvaluationRun(folder: folder.appending(path: "merged"), tools: .standard).traces == merged.traces)

        func problem(_ runs: [EvaluationRun]) -> String? {
            do { _ = try EvaluationRun(merging: runs) } catch { return "\(error)" }
            return nil
        }
        #expect(problem([shards[0], shards[1]])?.contains("missing: 3") == true)
        #expect(problem([shards[0], shards[0], shards[1]])?.contains("1/3 is given twice") == true)
        #expect(problem([whole])?.contains("no shards") == true)
        var unfinished = shards[1]
        unfinished.traces.removeLast()
        #expect(problem([shards[0], unfinished, shards[2]])?.contains("2/3 still lacks 1 ") == true)
        var other = shards[1]
        other.configuration.seed = 5
        #expect(problem([shards[0], other, shards[2]])?.contains("different settings") == true)
        await sandbox.shutdown()
    }

    @Test func `the oracle solves every task with the fewest commands, and names one without a reference`() async throws
    {
        defer { try? FileManager.default.removeItem(at: folder) }
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        var repairs = Self.repairs
        repairs[3].reference = nil
        let tasks = repairs.map(\.start)
        let configuration = EvaluationConfiguration(set: "s", method: .oracle, model: "oracle")
        let summary = try await Evaluation(configuration, policy: ScriptedPolicy(completions: []), sandbox: sandbox)
            .run(tasks, folder: folder)
        #expect(summary.solved == 6)
        #expect(summary.exits == ["exit": 6, "broken": 1])
        #expect(summary.excessDistance == 0 && summary.overEditedShare == 0)
        let run = try EvaluationRun(folder: folder, tools: .standard)
        #expect(run.traces.first { $0.task == "t3" }?.error?.contains("No solution") == true)
        #expect(run.traces.allSatisfy { $0.turns.count == 2 || $0.task == "t3" })
        await sandbox.shutdown()
    }

    @Test func `an episode that breaks is recorded, and played again by the next start`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        let configuration = EvaluationConfiguration(set: "s", method: .direct, model: "m")
        func play(_ answers: [String]) async throws -> EvaluationSummary {
            try await Evaluation(configuration, policy: AnsweringPolicy(answers), sandbox: sandbox, concurrency: 1)
                .run(Array(Self.tasks.prefix(3)), folder: folder)
        }
        let first = try await play(["x = y = 4.5", "BREAK", "x = 1"])
        #expect(first.exits == ["answered": 2, "broken": 1])
        #expect(first.pass[0].mean == 1.0 / 3)
        #expect(try EvaluationRun(folder: folder, tools: .standard).traces[1].error == "The server answered 500.")
        let second = try await play(["x = y = 4.5"])
        #expect(second.exits == ["answered": 3])
        #expect(second.solved == 2)
        #expect(try EvaluationRun(folder: folder, tools: .standard).starts.map(\.episodes) == [3, 1])
        await sandbox.shutdown()
    }

    @Test func `a run in which everything breaks ends with the reason`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        let tasks = (0..<50).map {
            RepairTask(id: "\($0)", prompt: "", program: "x = 0\n", tests: .statements(["assert x"])).start
        }
        let error = await #expect(throws: EvaluationError.self) {
            _ = try await Evaluation(
                EvaluationConfiguration(set: "s", method: .direct, model: "m"), policy: AnsweringPolicy([]),
                sandbox: sandbox
            ).run(tasks, folder: folder)
        }
        #expect(error?.code == .allBroken)
        #expect(error?.description.contains("The server answered 500.") == true)
        await sandbox.shutdown()
    }

    @Test func `resample draws until a program passes or the other run's tokens are spent`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        // 4 tokens written, and 2 of feedback read after the opening: 6 for the first task, 4 for the second.
        let first = Completion(text: "", promptTokenIDs: [1, 2, 3], tokenIDs: [1, 2])
        let later = Completion(text: "", promptTokenIDs: [1, 2], tokenIDs: [1, 2])
        func trace(_ task: Int, _ completions: [Completion]) -> Trace {
            .made(
                "t\(task)",
                turns: completions.map { Turn(completion: $0, verdict: .failing) })
        }
        let budget = TokenBudget([trace(0, [first, later]), trace(1, [first])])
        #expect(budget["t0", 0] == 6 && budget["t1", 0] == 2 && budget["t2", 0] == nil)

        let policy = AnsweringPolicy(["x = 1", "x = 2", "x = 3", "x = y = 4.5", "x = 6"])
        var configuration = EvaluationConfiguration(set: "s", method: .resample, model: "m")
        configuration.temperature = 1
        let evaluation = Evaluation(configuration, policy: policy, sandbox: sandbox, concurrency: 1, budget: budget)
        let summary = try await evaluation.run(Array(Self.tasks.prefix(2)), folder: folder)
        let traces = try EvaluationRun(folder: folder, tools: .standard).traces
        // Three tokens an answer: two answers spend six, and one of five tokens is enough for two.
        #expect(traces.map(\.turns.count) == [2, 1])
        #expect(summary.solved == 0)
        #expect(Set(await policy.answers.seeds).count == 3)
        let error = await #expect(throws: EvaluationError.self) {
            _ = try await evaluation.run(Self.tasks, folder: folder.appending(path: "other"))
        }
        #expect(error?.code == .noBudget)
        await sandbox.shutdown()
    }

    @Test func `a changed set is refused on resuming`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        let evaluation = Evaluation(
            EvaluationConfiguration(set: "s", method: .oracle, model: "oracle"),
            policy: ScriptedPolicy(completions: []),
            sandbox: sandbox)
        _ = try await evaluation.run(Self.tasks, folder: folder)
        var repairs = Self.repairs
        repairs[0].program += "z = 1\n"
        let tasks = repairs.map(\.start)
        let error = await #expect(throws: EvaluationError.self) { _ = try await evaluation.run(tasks, folder: folder) }
        #expect(error?.description.contains("other tasks") == true)
        try FileManager.default.removeItem(at: folder.appending(path: "run.json"))
        let lost = await #expect(throws: EvaluationError.self) {
            _ = try await evaluation.run(Self.tasks, folder: folder)
        }
        #expect(lost?.description.contains("no run.json that says how it was played") == true)
        await sandbox.shutdown()
    }

    @Test func `a slow program may reach another number of tests on another machine`() async throws {
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        let repair = RepairTask(
            id: "slow", prompt: "", program: "def f():\n    while True: pass\n",
            tests: .statements(Array(repeating: "f()", count: 9)))
        var task = try PythonRepair(repair)
        task.limits = SandboxLimits(wallSeconds: 1)
        var verdict = try await task.judge(in: sandbox)
        #expect(verdict.checks[0].outcome == "timeout" && verdict.checks[8].outcome == "notRun")
        let verification = Verification(sandbox: sandbox)
        func findings(last outcome: String) async throws -> [Verification.Finding] {
            verdict.checks[8].outcome = outcome
            let trace = Trace(
                start: task, sample: 0, seed: 0, method: "coe", policy: "", initialVerdict: verdict, turns: [],
                exit: .contextFull)
            return try await verification.findings(in: trace, of: task)
        }
        #expect(try await findings(last: "timeout").isEmpty)
        #expect(try await !findings(last: "passed").isEmpty)
        await sandbox.shutdown()
    }

    @Test func `verification follows the commands and notices every forged part`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        let configuration = EvaluationConfiguration(set: "s", method: .oracle, model: "oracle")
        _ = try await Evaluation(configuration, policy: ScriptedPolicy(completions: []), sandbox: sandbox)
            .run([Self.tasks[0]], folder: folder)
        let trace = try #require(try EvaluationRun(folder: folder, tools: .standard).traces.first)
        let verification = Verification(sandbox: sandbox)
        func problems(_ change: (inout Trace) -> Void) async throws -> [String] {
            var trace = trace
            change(&trace)
            return try await verification.findings(in: trace, of: Self.tasks[0]).map(\.problem)
        }
        #expect(try await problems { _ in }.isEmpty)
        #expect(try await problems { $0.turns[1].verdict = .failing }.contains { $0.contains("not solved, but is") })
        #expect(try await problems { $0.turns[0].state = "x = 9\ny = 0\n" }.contains { $0.contains("another state") })
        #expect(
            try await problems { $0.turns[0].command = "### REPL 2 >>>y = 1" }
                .contains { $0.contains("another command") })
        #expect(try await problems { $0.turns[0].verdict = .failing }.contains { $0.contains("judged otherwise") })
        #expect(try await problems { $0.initialVerdict = .passing }.contains { $0.contains("start is judged") })
        #expect(try await problems { $0.initialState = "x = 0\ny = 00\n" }.contains { $0.contains("the task's") })
        await sandbox.shutdown()
    }

    @Test func `whole answers are verified too, and another tool's episodes`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        let task = ToolTask(
            id: "game", tool: "countdown",
            fields: ["numbers": .array([.number(3), .number(4), .number(25)]), "target": .number(32)])
        let tasks = [try Toolbox.standard.start(task)]
        for (method, answer) in [(EvaluationMethod.coe, "### 4 + 3"), (.direct, "### 4 + 3\n### 25 + 7")] {
            let out = folder.appending(path: method.rawValue)
            let configuration = EvaluationConfiguration(set: "s", method: method, model: "m")
            let policy = ScriptedPolicy(completions: [answer, "### 25 + 7"])
            let summary = try await Evaluation(configuration, policy: policy, sandbox: sandbox).run(tasks, folder: out)
            #expect(summary.solved == 1)
            #expect(summary.byFailure.map(\.name) == ["3 numbers"])
            // The game has no measure of distance.
            #expect(summary.byDistance.isEmpty && summary.excessDistance == nil && summary.hiddenFailureShare == nil)
            let run = try EvaluationRun(folder: out, tools: .standard)
            #expect(run.tasks.map(\.task) == [task])
            #expect(run.traces.map(\.solved) == [true])
            #expect(try await Verification(sandbox: sandbox).findings(in: run.traces[0], of: tasks[0]).isEmpty)
        }
        await sandbox.shutdown()
    }

    @Test func `an empty selection is refused`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        var configuration = EvaluationConfiguration(set: "s", method: .oracle, model: "oracle")
        configuration.shard = Shard("8/8")
        let evaluation = Evaluation(configuration, policy: ScriptedPolicy(completions: []), sandbox: sandbox)
        let error = await #expect(throws: EvaluationError.self) {
            _ = try await evaluation.run(Self.tasks, folder: folder)
        }
        #expect(error?.code == .nothingSelected)
        #expect(error?.description.hasPrefix("Shard 8/8 of s holds no task") == true)
        await sandbox.shutdown()
    }

    @Test func `a set whose set-up fails is named, and solutions get faults`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        func notes(_ count: Int = .max, _ change: (inout RepairTask) -> Void) async throws -> [String] {
            let tasks = Self.repairs.prefix(count).map { repair in
                var repair = repair
                change(&repair)
                return repair.start
            }
            let configuration = EvaluationConfiguration(set: "s", method: .direct, model: "m")
            let policy = ScriptedPolicy(completions: ["x = 1"])
            return try await Evaluation(configuration, policy: policy, sandbox: sandbox)
                .run(tasks, folder: folder.appending(path: UUID().uuidString)).notes
        }
        #expect(try await notes { _ in }.isEmpty)
        let broken = try await notes { $0.prelude = "import nothing_like_it" }
        #expect(broken.count == 1 && broken[0].contains("nothing_like_it"))
        #expect(broken[0].hasPrefix("All 7 start states fail in the same way before any check runs"))
        let one = try await notes(1) { $0.prelude = "import nothing_like_it" }
        #expect(one.count == 1 && one[0].hasPrefix("The task's states fail, first and last, in the same way before"))
        // Solutions get faults first, so no start state passes.
        #expect(try await notes { $0.program = $0.reference ?? "" }.isEmpty)
        await sandbox.shutdown()
    }

    @Test func `a folder of an older coe is refused with a sentence`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        func problem() -> EvaluationError? {
            #expect(throws: EvaluationError.self) { _ = try EvaluationRun(folder: folder, tools: .standard) }
        }
        #expect(problem()?.code == .noRun)
        let old = "{\"set\": \"s\", \"method\": \"coe\", \"options\": {\"maxTurns\": 10}}"
        try Data(old.utf8).write(to: folder.appending(path: "run.json"))
        #expect(problem()?.code == .oldFormat)
        #expect(problem()?.description.contains("older coe: play it again") == true)
        try Data("{\"rank\": 8}".utf8).write(to: folder.appending(path: "run.json"))
        #expect(problem()?.code == .noRun)
        #expect(problem()?.description.contains("\"set\" is missing") == true)
        // Traces of the first format under settings of this one.
        let run = EvaluationRun(
            configuration: EvaluationConfiguration(set: "s", method: .coe, model: "m"), tasks: Self.tasks, traces: [])
        try run.write(to: folder)
        try Data("{\"task\": \"t0\"}\n".utf8).write(to: folder.appending(path: "traces.jsonl"))
        do {
            _ = try EvaluationRun(folder: folder, tools: .standard)
            Issue.record("old traces were read")
        } catch {
            #expect("\(error)".contains("line 1") && "\(error)".contains("format 1"))
        }
    }

    @Test func `start states that pass are changed where the solution is known, else left out`() async throws {
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        let failing = Self.repairs[0]
        var solution = Self.repairs[1]
        solution.program = solution.reference ?? ""
        var passing = Self.repairs[2]
        passing.program = (passing.reference ?? "") + "z = 1\n"
        passing.reference = nil
        let set = [failing, solution, passing].map(\.start)
        let starts = try await FaultyStarts(set, seed: 3, in: sandbox)
        #expect(starts.tasks.map(\.id) == ["t0", "t1"] && starts.corrupted == 1 && starts.leftOut == ["t2"])
        #expect(starts.tasks[0].state == failing.program && starts.tasks[1].state != solution.program)
        #expect(starts.tasks[1].solution == solution.reference)
        #expect(try await !starts.tasks[1].judge(in: sandbox).solved)
        #expect(starts.notes.count == 2 && starts.notes[1].contains("t2"))
        let again = try await FaultyStarts(set, seed: 3, in: sandbox)
        #expect(again.tasks.map(\.state) == starts.tasks.map(\.state))
        let other = try await FaultyStarts(set, seed: 4, in: sandbox)
        #expect(other.tasks.count == 2)
        await sandbox.shutdown()
    }
}
