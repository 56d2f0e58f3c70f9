import Foundation
import PythonRepair
import PythonSandbox
import Runs
import StatefulTools
import Testing

@testable import Evaluation

@Suite struct StatisticsTests {
    static func run(_ traces: [Trace], samples: Int = 1, tasks: [RepairTask]? = nil) -> EvaluationRun {
        var configuration = EvaluationConfiguration(set: "s", method: .coe, model: "m")
        configuration.samples = samples
        var known: Set<String> = []
        let tasks =
            tasks
            ?? traces.filter { known.insert($0.task).inserted }.map {
                RepairTask(id: $0.task, prompt: "", program: $0.initialState, tests: .statements(["assert 1"]))
            }
        return EvaluationRun(configuration: configuration, tasks: tasks.map(\.start), traces: traces)
    }

    @Test func `the exact p of a paired comparison is the share of sign patterns as far out`() {
        // Three tasks that differ by one, all in the same direction: 2 of 8 patterns.
        let comparison = PairedComparison(differences: [1, 1, 1, 0, 0], seed: 0)
        #expect(comparison.p == 0.25)
        #expect(comparison.wins == 3 && comparison.losses == 0)
        #expect(comparison.difference.mean == 0.6)
        #expect(PairedComparison(differences: [1, -1, 1, -1], seed: 0).p == 1)
        #expect(PairedComparison(differences: [0, 0], seed: 0).p == 1)
    }

    @Test func `the drawn p agrees with McNemar's exact test`() {
        // 18 tasks won, 6 lost: two-sided binomial p of 6 or fewer of 24 heads.
        let differences = Array(repeating: 1.0, count: 18) + Array(repeating: -1.0, count: 6)
        var tail = 0.0
        var choose = 1.0
        for heads in 0...6 {
            tail += choose / pow(2, 24)
            choose *= Double(24 - heads) / Double(heads + 1)
        }
        let p = PairedComparison(differences: differences, seed: 3).p
        // Four standard deviations of 20,000 draws.
        #expect(abs(p - 2 * tail) < 4 * (2 * tail / 20_000).squareRoot())
    }

    @Test func `a paired comparison uses the shared tasks only`() throws {
        let first = Self.run([.made("a", solved: true), .made("b", solved: true), .made("c", solved: true)])
        let second = Self.run([.made("b", solved: true), .made("a"), .made("d", solved: true)])
        let comparison = try #require(PairedComparison(first, second))
        #expect(comparison.tasks == 2)
        #expect(comparison.wins == 1 && comparison.losses == 0)
        #expect(PairedComparison(first, Self.run([.made("z")])) == nil)
    }

    @Test func `the turn of a solution is the one from which it lasted`() {
        let broken = Turn.made("### REPL 1 >>>x = 2", program: "2")
        let mended = Turn.made("### REPL 1 >>>x = 1", program: "1", .passing)
        func at(_ turns: [Turn]) -> Int? { EpisodeFacts(.made("a", turns: turns)).solvedAt }
        #expect(at([mended]) == 1)
        #expect(at([broken, mended]) == 2)
        #expect(at([mended, broken, mended]) == 3)
        #expect(at([mended, broken]) == nil)
        let summary = EvaluationSummary(
            Self.run([.made("a", turns: [broken, mended]), .made("b", turns: [broken])]))
        #expect(summary.solvedPerTurn.prefix(4) == [0, 0, 0.5, 0.5])
    }

    @Test func `loops are programs seen before and commands said before`() {
        let facts = EpisodeFacts(
            .made(
                "a", initial: "0",
                turns: [
                    .made("### REPL 1 >>>a", program: "1"),
                    .made("### REPL 1 >>>b", program: "0"),  // back to the start
                    .made("### DELL 9", program: "0", error: "line 9 does not exist"),
                    .made("### DELL 9", program: "0", error: "line 9 does not exist"),  // said before
                    .made("hello", program: "0", error: "no command"),
                    .made("### DELL 9", program: "1"),  // another way to a program seen before
                ]))
        #expect(facts.loops == 3)
        #expect(facts.failed == 2)
        #expect(facts.malformed == 1)
    }

    @Test func `a premature EXIT is one while the visible tests fail`() {
        let summary = EvaluationSummary(
            Self.run([
                .made("a", exit: .exit), .made("b", solved: true, exit: .exit), .made("c", exit: .turnLimit),
                .made("d", exit: .turnLimit),
            ]))
        #expect(summary.exitShare == 0.5)
        #expect(summary.prematureExitShare == 0.25)
    }

    @Test func `passing what is seen and failing what is hidden is counted among those that pass what is seen`() {
        func trace(_ task: String, passed: Bool, hidden: Bool?) -> Trace {
            .made(task, turns: [.made("### EXIT", program: "", .made(passed: passed, hidden: hidden))])
        }
        let summary = EvaluationSummary(
            Self.run([
                trace("a", passed: true, hidden: false), trace("b", passed: true, hidden: true),
                trace("c", passed: false, hidden: false), trace("d", passed: true, hidden: true),
                trace("e", passed: true, hidden: nil),
            ]))
        #expect(summary.hiddenFailureShare == 1.0 / 3)
        #expect(EvaluationSummary(Self.run([.made("a", solved: true)])).hiddenFailureShare == nil)
        // Where nothing passes, no share of it can be said.
        let none = EvaluationSummary(Self.run([trace("a", passed: false, hidden: false)]))
        #expect(none.hiddenFailureShare == nil)
    }

    @Test func `an edit is measured against the nearest passing program, whoever wrote it`() {
        let task = RepairTask(
            id: "a", prompt: "", program: "a\nb\nc\n", tests: .statements(["assert 1"]), reference: "a\nbXXXX\nc\n")
        let small = Trace.made("a", sample: 0, solved: true, final: "a\nbX\nc\n", initial: task.program)
        let large = Trace.made("a", sample: 1, solved: true, final: "aYY\nbX\nc\n", initial: task.program)
        let run = Self.run([small, large, .made("a", sample: 2, initial: task.program)], samples: 3, tasks: [task])
        let sizes = run.editSizes()
        #expect(sizes.count == 2)
        #expect(sizes[EpisodeID(small)]?.excess == 0)
        #expect(sizes[EpisodeID(large)]?.excess == 2)
        #expect(sizes[EpisodeID(large)]?.made.commands == 2)
        #expect(sizes[EpisodeID(large)]?.needed.commands == 1)
        let summary = EvaluationSummary(run)
        #expect(summary.overEditedShare == 0.5)
        #expect(summary.excessDistance == 1)
        // A solution that another run found raises the excess of this one's.
        let alone = Self.run([large], tasks: [task])
        #expect(EvaluationSummary(alone).excessDistance == 0)
        #expect(EvaluationSummary(alone, passing: ["a": [small.finalState]]).excessDistance == 2)
    }

    @Test func `tasks are grouped by how their start fails and by the distance to a passing state`() {
        func task(_ id: String, _ distance: Double) -> RepairTask {
            RepairTask(
                id: id, prompt: "", program: "x", tests: .statements(["assert 1"]),
                meta: .object(["lev_nearest_passing": .number(distance)]))
        }
        let traces = [
            Trace.made("a", sample: 0, solved: true), .made("a", sample: 1, solved: true), .made("a", sample: 2),
            .made("b", sample: 0, solved: true), .made("b", sample: 1), .made("b", sample: 2),
        ]
        let summary = EvaluationSummary(
            Self.run(traces, samples: 3, tasks: [task("a", 4), task("b", 9), task("c", 500)]))
        // Of the third task no episode was played.
        #expect(summary.byDistance.map(\.name) == ["0 to 10"])
        #expect(summary.byDistance[0].majority == 0.5)
        #expect(summary.byDistance[0].passAtMost == 1)
        // Of products of thirds.
        #expect(abs(summary.byDistance[0].passAt1.mean - 0.5) < 1e-12)
        #expect(summary.byFailure.map(\.name) == ["AssertionError"])
        let far = EvaluationSummary(Self.run(traces, samples: 3, tasks: [task("a", 4), task("b", 500)]))
        #expect(far.byDistance.map(\.name) == ["0 to 10", "over 200"])
    }

    @Test func `an unfinished run counts the episodes that were played, and says how many are missing`() {
        // One of two samples is solved; of b and c one sample and none is played.
        let traces = [
            Trace.made("a", sample: 0, solved: true), .made("a", sample: 1), .made("b", sample: 0, solved: true),
        ]
        let tasks = ["a", "b", "c"].map {
            RepairTask(id: $0, prompt: "", program: "x = 0\n", tests: .statements(["assert 1"]))
        }
        let summary = EvaluationSummary(Self.run(traces, samples: 4, tasks: tasks))
        #expect(summary.missing == 9)
        #expect(summary.notes == ["9 of 12 episodes are not played yet; the figures leave them out."])
        // pass@2 is over the task with two episodes, and pass@3 over none.
        #expect(summary.pass.map(\.mean) == [0.75, 1])
        #expect(summary.tasks == 3 && summary.byFailure.map(\.tasks) == [2])
        let nothing = EvaluationSummary(Self.run([], samples: 2, tasks: tasks))
        #expect(nothing.pass.count == 1 && nothing.pass[0].high == 1 && nothing.missing == 6)
    }

    @Test(arguments: [1, 3])
    func `the figures as JSON hold every pass at k and both breakdowns`(samples: Int) {
        let traces = (0..<samples).flatMap { sample in
            [Trace.made("a", sample: sample, solved: true), .made("b", sample: sample)]
        }
        let json = EvaluationSummary(Self.run(traces, samples: samples)).json
        for k in 1...samples {
            for name in ["pass@\(k)", "pass@\(k)Low", "pass@\(k)High"] { #expect(json[name] != nil, "\(name)") }
        }
        guard case .array(let groups)? = json["byFailure"] else {
            Issue.record("no breakdown")
            return
        }
        #expect(groups[0]["name"] == .string("AssertionError"))
        #expect(groups[0]["pass@\(samples)"] != nil && groups[0]["pass@1"] != nil)
    }
}
