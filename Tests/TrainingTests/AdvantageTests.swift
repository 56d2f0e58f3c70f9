import Episodes
import LineEditor
import PythonSandbox
import RepairTasks
import Testing

@testable import Training

/// The arithmetic between episodes and the update.
@Suite struct AdvantageTests {
    /// Rewards of the first kind only.
    func episode(_ rewards: [Double], states: [String]? = nil) -> RewardedEpisode {
        RewardedEpisode(
            rewards: rewards.map { [$0, 0, 0, 0, 0] }, states: states ?? rewards.indices.map { "state \($0)" })
    }

    func expectEqual(_ values: [[Double]], _ expected: [[Double]], _ accuracy: Double = 1e-3) {
        #expect(values.map(\.count) == expected.map(\.count))
        for (value, wanted) in zip(values.joined(), expected.joined()) { #expect(abs(value - wanted) < accuracy) }
    }

    @Test func thePaperNormalisesEachTurnOverTheGroupAndAddsWhatFollows() throws {
        // Turn 1: 0, 0, 1, -0.5 (mean 0.125, deviation 0.5449); turn 2: 1, 0 (mean 0.5, deviation 0.5).
        let group = [episode([0, 1]), episode([0, 0]), episode([1]), episode([-0.5])]
        let first = -0.125 / 0.5449
        expectEqual(
            try advantages([group], .paper)[0],
            [[first + 1, 1], [first - 1, -1], [0.875 / 0.5449], [-0.625 / 0.5449]])
    }

    @Test func aTurnIsComparedWithThoseOfTheSameStateElseOfTheSameTurn() throws {
        var recipe = GRPORecipe.best
        recipe.deviation = .none
        let group = [
            episode([0, 1], states: ["a", "b"]), episode([0, 0], states: ["a", "b"]),
            episode([0, 0], states: ["a", "c"]),
        ]
        // Returns 1, 0, 0 from "a"; 1, 0 from "b"; "c" stands alone and is compared with turn 2 of all (1/3).
        expectEqual(
            try advantages([group], recipe)[0], [[2.0 / 3, 0.5], [-1.0 / 3, -0.5], [-1.0 / 3, -1.0 / 3]])
    }

    @Test func theBatchsDeviationLeavesTheGroupsWeights() throws {
        var recipe = GRPORecipe.best
        recipe.baseline = .group
        let near = [episode([0.5]), episode([0.4])]
        let far = [episode([1]), episode([-1])]
        let values = try advantages([near, far], recipe)
        #expect(abs(values[1][0][0] / values[0][0][0] - 20) < 1e-6)
        recipe.deviation = .group
        let even = try advantages([near, far], recipe)
        #expect(abs(even[1][0][0] / even[0][0][0] - 1) < 0.01)
    }

    @Test func rewardsOfDifferentKindsAreScaledApart() throws {
        // Solving is worth ten times as much here; apart, the other kind weighs the half that the recipe gives for it.
        let rewards = [[1.0, 0], [0, 0], [1, -0.1], [0, -0.1]].map { [$0 + [0, 0, 0]] }
        let group = rewards.map { RewardedEpisode(rewards: $0, states: ["a"]) }
        var recipe = GRPORecipe.best
        expectEqual(try advantages([group], recipe)[0], [[1.5], [-0.5], [0.5], [-1.5]], 0.01)
        recipe.separatesRewards = false
        #expect(try advantages([group], recipe)[0][1][0] < -0.8)
    }

    @Test func groupsThatEarnTheSameTeachNothing() throws {
        for recipe in [GRPORecipe.paper, .best] {
            let values = try advantages([[episode([0, -0.5]), episode([0, -0.5])]], recipe)
            #expect(values.joined().joined().allSatisfy { $0 == 0 })
        }
    }

    // MARK: Rewards

    func report(passes: Bool, hidden: Bool? = nil) -> SandboxReport {
        func outcome(_ passes: Bool) -> TestOutcome { TestOutcome(name: "t", status: passes ? .passed : .failed) }
        return SandboxReport(tests: [outcome(passes)], hiddenTests: hidden.map { [outcome($0)] } ?? [])
    }

    func trace(_ turns: [Turn], exit: EpisodeExit, final: String = "x = 1") -> Trace {
        Trace(
            task: "t", sample: 0, seed: 0, method: "coe", policy: "p", initialProgram: "x = 2",
            initialReport: report(passes: false), turns: turns, finalProgram: final,
            finalReport: turns.last?.report, exit: exit, seconds: 0)
    }

    func turn(_ command: Command?, _ report: SandboxReport, error: String? = nil) -> Turn {
        Turn(
            completion: Completion(text: command?.description ?? "?"), command: command, error: error, report: report,
            reward: 0, programDigest: "d")
    }

    @Test func hiddenTestsDecideWhereThereAreAny() throws {
        let edit = Command.replace(line: 1, content: "x = 1")
        let cheat = trace(
            [turn(edit, report(passes: true, hidden: false)), turn(.exit, report(passes: true, hidden: false))],
            exit: .exit)
        #expect(RewardedEpisode(cheat, reference: nil, recipe: .paper).total == 0)
        let real = trace(
            [turn(edit, report(passes: true, hidden: true)), turn(.exit, report(passes: true, hidden: true))],
            exit: .exit)
        #expect(RewardedEpisode(real, reference: nil, recipe: .paper).rewards.map { $0[0] } == [1, 0])
    }

    @Test func thePapersThreeRewards() throws {
        let fails = report(passes: false)
        let lost = trace([turn(nil, fails, error: "?"), turn(.delete(line: 1), fails)], exit: .turnLimit)
        let rewarded = RewardedEpisode(lost, reference: nil, recipe: .paper)
        #expect(rewarded.rewards == [[0, -0.5, 0, 0, 0], [0, 0, -0.5, 0, 0]])
        let left = trace([turn(.exit, fails)], exit: .exit)
        #expect(RewardedEpisode(left, reference: nil, recipe: .paper).total == 0)
    }

    @Test func onlySolvedEpisodesPayForNeedlessEdits() throws {
        let edit = Command.replace(line: 1, content: "x = 1")
        let long = "x = 1 # and a comment that nobody asked for"
        let wasteful = trace([turn(edit, report(passes: true))], exit: .passed, final: long)
        let frugal = trace([turn(edit, report(passes: true))], exit: .passed)
        let failed = trace([turn(edit, report(passes: false))], exit: .turnLimit, final: long)
        func edits(_ trace: Trace) -> Double {
            RewardedEpisode(trace, reference: "x = 1", recipe: .best).sum(3)
        }
        #expect(edits(wasteful) == -0.2)
        #expect(edits(frugal) == 0)
        #expect(edits(failed) == 0)
    }

    @Test func whatBringsTheProgramCloserEarns() throws {
        let fails = report(passes: false)
        // To "x = 1234" it is 3 characters from "x = 2", then 8, 2, and the tests pass.
        let commands = ["x = 2", "y", "x = 12", "x = 7"].map { Command.replace(line: 1, content: $0) }
        let turns = commands.enumerated().map { turn($1, report(passes: $0 == 3)) }
        func progress(_ trace: Trace, _ reference: String?, weight: Double = 0.5) -> [Double] {
            var recipe = GRPORecipe.best
            recipe.progress = weight
            return RewardedEpisode(trace, reference: reference, recipe: recipe).rewards.map { $0[4] }
        }
        let played = trace([turns[0]] + turns[1...] + [turn(.exit, report(passes: true))], exit: .exit)
        // What is left counts twice the way at most, and nothing where the tests pass.
        expectEqual([progress(played, "x = 1234")], [[0, 0.5 * (1 - 2), 0.5 * (2 - 2.0 / 3), 0.5 * 2 / 3, 0]])
        #expect(progress(played, nil) == [0, 0, 0, 0, 0])
        #expect(progress(played, "x = 1234", weight: 0) == [0, 0, 0, 0, 0])
        // What could not be carried out changes nothing.
        #expect(progress(trace([turn(commands[2], fails, error: "?")], exit: .turnLimit), "x = 1234") == [0])
    }

    @Test func aBlankAtTheEndOfALineIsNoChange() throws {
        let fails = report(passes: false)
        func malformed(_ contents: [String], _ recipe: GRPORecipe) -> [Double] {
            let turns = contents.map { turn(.replace(line: 1, content: $0), fails) }
            return RewardedEpisode(trace(turns, exit: .turnLimit), reference: nil, recipe: recipe).rewards.map { $0[1] }
        }
        let contents = ["x = 2 ", "x = 2\t ", " x = 2", "x = 3"]
        #expect(malformed(contents, .best) == [-0.5, -0.5, 0, 0])
        #expect(malformed(contents, .paper) == [0, 0, 0, 0])
    }

    // MARK: Start states

    @Test func inTurnEachStartStateComesBeforeAnyComesAgain() throws {
        let tasks = (0..<24).map { RepairTask(id: "\($0)", prompt: "", program: "", tests: .statements([])) }
        var state = RLState()
        var random = SeededGenerator(seed: 0)
        var seen: [String] = []
        for _ in 0..<6 { seen += state.choose(4, of: tasks, byPassRate: false, &random).map(\.id) }
        #expect(Set(seen).count == 24)
        #expect(seen != tasks.map(\.id))
    }

    @Test func startStatesNearHalfAreDrawnMoreOftenThanSolvedOnes() throws {
        let tasks = (0..<20).map { RepairTask(id: "\($0)", prompt: "", program: "", tests: .statements([])) }
        var state = RLState()
        for task in tasks[..<10] { state.tallies[task.id, default: .init()].add(8, of: 8) }
        for task in tasks[10...] { state.tallies[task.id, default: .init()].add(4, of: 8) }
        var random = SeededGenerator(seed: 0)
        var counts = [0, 0]
        for _ in 0..<200 {
            for task in state.choose(2, of: tasks, byPassRate: true, &random) {
                counts[state.tallies[task.id]?.solved == 8 ? 0 : 1] += 1
            }
        }
        #expect(counts[1] > 2 * counts[0])
        #expect(counts[0] > 0)
    }
}
