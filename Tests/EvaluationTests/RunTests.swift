import Episodes
import Foundation
import LineEditor
import PythonSandbox
import RepairTasks
import Testing

@testable import Evaluation

@Suite struct RunTests {
    let folder = temporaryFolder()
    static let tasks = (0..<7).map {
        RepairTask(
            id: "t\($0)", prompt: "", program: "x = \($0)\ny = 0\n", tests: .statements(["assert x + y == 9"]),
            reference: "x = \($0)\ny = \(9 - $0)\n")
    }

    @Test func `a subset is the seed's, keeps the order, and a larger one holds it`() {
        func ids(_ subset: Int, seed: UInt64) -> [String] {
            EvaluationConfiguration(set: "s", method: .coe, model: "m", subset: subset, seed: seed)
                .selection(of: Self.tasks).map(\.id)
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
        var configuration = EvaluationConfiguration(set: "s", method: .oracle, model: "oracle", samples: 2, subset: 5)
        func play() async throws -> EvaluationRun {
            let name = folder.appending(path: configuration.shard.map { "\($0.index)" } ?? "whole")
            _ = try await Evaluation(configuration, policy: ScriptedPolicy(commands: []), sandbox: sandbox)
                .run(Self.tasks, folder: name)
            return try EvaluationRun(folder: name)
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
        #expect(merged.tasks == whole.tasks)
        #expect(Set(merged.traces.map(\.seed)) == Set(whole.traces.map(\.seed)))
        #expect(EvaluationSummary(merged).pass == EvaluationSummary(whole).pass)
        try merged.write(to: folder.appending(path: "merged"))
        #expect(try EvaluationRun(folder: folder.appending(path: "merged")).traces == merged.traces)

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
        var tasks = Self.tasks
        tasks[3].reference = nil
        let configuration = EvaluationConfiguration(set: "s", method: .oracle, model: "oracle")
        let summary = try await Evaluation(configuration, policy: ScriptedPolicy(commands: []), sandbox: sandbox)
            .run(tasks, folder: folder)
        #expect(summary.solved == 6)
        #expect(summary.exits == ["exit": 6, "broken": 1])
        #expect(summary.excessDistance == 0 && summary.overEditedShare == 0)
        let run = try EvaluationRun(folder: folder)
        #expect(run.traces.first { $0.task == "t3" }?.error?.contains("no reference") == true)
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
        #expect(try EvaluationRun(folder: folder).traces[1].error == "The server answered 500.")
        let second = try await play(["x = y = 4.5"])
        #expect(second.exits == ["answered": 3])
        #expect(second.solved == 2)
        #expect(try EvaluationRun(folder: folder).starts.map(\.episodes) == [3, 1])
        await sandbox.shutdown()
    }

    @Test func `a run in which everything breaks ends with the reason`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        let tasks = (0..<50).map {
            RepairTask(id: "\($0)", prompt: "", program: "x = 0\n", tests: .statements(["assert x"]))
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
                turns: completions.map {
                    Turn(completion: $0, report: .one(.failed), reward: 0, programDigest: "")
                })
        }
        let budget = TokenBudget([trace(0, [first, later]), trace(1, [first])])
        #expect(budget["t0", 0] == 6 && budget["t1", 0] == 2 && budget["t2", 0] == nil)

        let policy = AnsweringPolicy(["x = 1", "x = 2", "x = 3", "x = y = 4.5", "x = 6"])
        let configuration = EvaluationConfiguration(set: "s", method: .resample, model: "m", temperature: 1)
        let evaluation = Evaluation(configuration, policy: policy, sandbox: sandbox, concurrency: 1, budget: budget)
        let summary = try await evaluation.run(Array(Self.tasks.prefix(2)), folder: folder)
        let traces = try EvaluationRun(folder: folder).traces
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

    @Test func `think asks for words first and fix shows program and tests alone`() {
        let report = SandboxReport.one(.failed)
        let thinking = AnswerForm.feedback.messages(for: Self.tasks[0], report: report, thinks: true)
        #expect(thinking[0].content.contains("step by step"))
        #expect(
            !AnswerForm.feedback.messages(for: Self.tasks[0], report: report, thinks: false)[0].content.contains("step")
        )
        let fix = AnswerForm.fix.messages(for: Self.tasks[0], report: report, thinks: false)
        #expect(fix.map(\.role) == [.user])
        #expect(fix[0].content.hasPrefix("```python\nx = 0"))
        #expect(fix[0].content.contains("assert x + y == 9"))
        #expect(!fix[0].content.contains("***"))
    }

    @Test func `a changed set is refused on resuming`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        let evaluation = Evaluation(
            EvaluationConfiguration(set: "s", method: .oracle, model: "oracle"), policy: ScriptedPolicy(commands: []),
            sandbox: sandbox)
        _ = try await evaluation.run(Self.tasks, folder: folder)
        var tasks = Self.tasks
        tasks[0].program += "z = 1\n"
        let error = await #expect(throws: EvaluationError.self) { _ = try await evaluation.run(tasks, folder: folder) }
        #expect(error?.description.contains("other tasks") == true)
        await sandbox.shutdown()
    }

    @Test func `a slow program may reach another number of tests on another machine`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        let task = RepairTask(
            id: "slow", prompt: "", program: "def f():\n    while True: pass\n",
            tests: .statements(Array(repeating: "f()", count: 9)))
        let limits = SandboxLimits(wallSeconds: 1)
        var report = try await sandbox.run(task.job(program: task.program, limits: limits))
        #expect(report.tests[0].status == .timeout && report.tests[8].status == .notRun)
        report.tests[8].status = .timeout
        let trace = Trace(
            task: "slow", sample: 0, seed: 0, method: "coe", policy: "", initialProgram: task.program,
            initialReport: report, turns: [], finalProgram: task.program, finalReport: report, exit: .contextFull,
            seconds: 0)
        #expect(try await Verification(sandbox: sandbox, limits: limits).findings(in: trace, of: task).isEmpty)
        report.tests[8].status = .passed
        let other = Trace(
            task: "slow", sample: 0, seed: 0, method: "coe", policy: "", initialProgram: task.program,
            initialReport: report, turns: [], finalProgram: task.program, finalReport: report, exit: .contextFull,
            seconds: 0)
        #expect(try await !Verification(sandbox: sandbox, limits: limits).findings(in: other, of: task).isEmpty)
        await sandbox.shutdown()
    }

    @Test func `verification follows the commands and notices every forged part`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        let configuration = EvaluationConfiguration(set: "s", method: .oracle, model: "oracle")
        _ = try await Evaluation(configuration, policy: ScriptedPolicy(commands: []), sandbox: sandbox)
            .run([Self.tasks[0]], folder: folder)
        let trace = try #require(try EvaluationRun(folder: folder).traces.first)
        let verification = Verification(sandbox: sandbox)
        func problems(_ change: (inout Trace) -> Void) async throws -> [String] {
            var trace = trace
            change(&trace)
            return try await verification.findings(in: trace, of: Self.tasks[0]).map(\.problem)
        }
        #expect(try await problems { _ in }.isEmpty)
        #expect(try await problems { $0.solved = false }.contains { $0.contains("not solved, but is") })
        #expect(try await problems { $0.finalProgram = "x = 9\ny = 0\n" }.contains { $0.contains("final program") })
        #expect(
            try await problems { $0.turns[0].command = .replace(line: 2, content: "y = 1") }
                .contains { $0.contains("another program") })
        #expect(try await problems { $0.turns[0].report = .one(.failed) }.contains { $0.contains("end otherwise") })
        #expect(try await problems { $0.initialProgram = "x = 0\ny = 00\n" }.contains { $0.contains("the task's") })
        await sandbox.shutdown()
    }
}
