import Foundation
import PythonRepair
import PythonSandbox
import StatefulTools
import Testing
import Tools

@testable import Evaluation

@Suite struct EvaluationTests {
    @Test func `pass at k is the share of all k-subsets that hold a solution`() {
        for n in 1...7 {
            for solved in 0...n {
                for k in 1...n {
                    let subsets = (0..<(1 << n)).filter { $0.nonzeroBitCount == k }
                    let hits = subsets.count { $0 & ((1 << solved) - 1) != 0 }
                    // Rounding of at most n products.
                    #expect(
                        abs(passAtK(samples: n, solved: solved, k: k) - Double(hits) / Double(subsets.count)) < 1e-12)
                }
            }
        }
    }

    @Test func `the interval is the seed's, holds the mean and narrows with the tasks`() {
        let few = Estimate((0..<20).map { $0 % 4 == 0 ? 1 : 0 }, seed: 1)
        let many = Estimate((0..<2_000).map { $0 % 4 == 0 ? 1 : 0 }, seed: 1)
        #expect(few == Estimate((0..<20).map { $0 % 4 == 0 ? 1 : 0 }, seed: 1))
        #expect(few.low < 0.25 && few.high > 0.25)
        // The normal approximation, 2 × 1.96 × sqrt(p (1 − p) / n), within a tenth.
        #expect(abs((many.high - many.low) / (2 * 1.96 * (0.1875 / 2_000).squareRoot()) - 1) < 0.1)
    }

    @Test func `where none or all are solved the interval is Wilson's`() {
        let none = Estimate(shares: Array(repeating: 0, count: 8))
        // z² / (n + z²) with z = 1.96.
        #expect(none.mean == 0 && none.low == 0 && abs(none.high - 0.3244) < 1e-4)
        let all = Estimate(shares: Array(repeating: 1, count: 8))
        #expect(all.mean == 1 && all.high == 1 && abs(all.low - 0.6756) < 1e-4)
        #expect(Estimate(shares: []).high == 1)
        #expect(Estimate(shares: [0, 1, 1], seed: 2) == Estimate([0, 1, 1], seed: 2))
        // A difference has no such edge.
        #expect(Estimate([0, 0, 0]).high == 0)
    }

    static let tasks = (0..<3).map {
        RepairTask(
            id: "\($0)", prompt: "", program: "x = \($0 + 2)\n", tests: .statements(["assert x == 1"]),
            hiddenTests: $0 == 2 ? ["assert x > 5"] : []
        ).start
    }

    @Test func `an interrupted run goes on, drops its half line and ends with the same figures`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "run-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        var configuration = EvaluationConfiguration(set: "s", method: .coe, model: "script")
        configuration.samples = 2
        let policy = ScriptedPolicy(completions: ["### REPL 1 >>>x = 1"])
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        let evaluation = Evaluation(configuration, policy: policy, sandbox: sandbox, concurrency: 2)
        let whole = try await evaluation.run(Self.tasks, folder: folder)
        // Task 2 passes what it sees and fails what is hidden.
        #expect(whole.pass[0].mean == 2.0 / 3)
        #expect(whole.exits == ["passed": 6])

        let file = folder.appending(path: "traces.jsonl")
        let data = try Data(contentsOf: file)
        try data.dropLast(40).write(to: file)
        final class Count: @unchecked Sendable { var played = 0 }
        let count = Count()
        let again = try await evaluation.run(Self.tasks, folder: folder, observe: { _, _, _ in count.played += 1 })
        #expect(count.played == 1)
        #expect(again.pass == whole.pass)
        #expect(again.episodes == 6)
        #expect(try Data(contentsOf: file).split(separator: 0x0A).count == 6)

        var other = evaluation
        other.configuration.seed = 1
        await #expect(throws: EvaluationError.self) { _ = try await other.run(Self.tasks, folder: folder) }
        await sandbox.shutdown()
    }

    @Test func `a request to stop saves what is finished`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "run-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        let evaluation = Evaluation(
            EvaluationConfiguration(set: "s", method: .direct, model: "script"),
            policy: ScriptedPolicy(completions: ["```python\nx = 1\n```"]), sandbox: sandbox, concurrency: 1)
        final class Flag: @unchecked Sendable { var stop = false }
        let flag = Flag()
        let error = await #expect(throws: EvaluationError.self) {
            _ = try await evaluation.run(
                Self.tasks, folder: folder, shouldStop: { flag.stop }, observe: { _, _, _ in flag.stop = true })
        }
        #expect(error?.code == .interrupted)
        let summary = try await evaluation.run(Self.tasks, folder: folder)
        #expect(summary.episodes == 3)
        #expect(summary.pass[0].mean == 2.0 / 3)
        await sandbox.shutdown()
    }
}
