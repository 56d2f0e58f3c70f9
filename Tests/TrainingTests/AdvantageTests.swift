import PythonRepair
import PythonSandbox
import StatefulTools
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

    func verdict(passes: Bool, hidden: Bool? = nil) -> Verdict {
        Verdict(passed: passes, hiddenPassed: hidden, feedback: "", progress: passes ? 1 : 0)
    }

    /// A trace from `x = 2`, `x = 1` being right, by the rules of a recipe.
    func trace(_ turns: [Turn], exit: EpisodeExit, _ recipe: GRPORecipe = .paper) throws -> Trace {
        let task = RepairTask(
            id: "t", prompt: "", program: "x = 2", tests: .statements(["assert x == 1"]), reference: "x = 1")
        var trace = Trace(
            start: try PythonRepair(task), sample: 0, seed: 0, method: "coe", policy: "p",
            initialVerdict: verdict(passes: false), turns: turns, exit: exit)
        trace.rules = recipe.rewards
        return trace
    }

    func turn(_ command: String?, _ verdict: Verdict, state: String? = nil, error: String? = nil) -> Turn {
        let effect: Effect? = error != nil ? nil : command == "### EXIT" ? .done : .changed
        return Turn(
            completion: Completion(text: command ?? "?"), command: command, error: error,
            effect: command == nil ? nil : effect, state: state, verdict: verdict)
    }

    @Test func anEpisodeEarnsByTheRulesOfItsTrace() throws {
        let edit = "### REPL 1 >>>x = 1"
        let cheat = try trace(
            [
                turn(edit, verdict(passes: true, hidden: false), state: "x = 1"),
                turn("### EXIT", verdict(passes: true, hidden: false)),
            ], exit: .exit)
        #expect(RewardedEpisode(cheat).total == 0)
        let real = try trace(
            [
                turn(edit, verdict(passes: true, hidden: true), state: "x = 1"),
                turn("### EXIT", verdict(passes: true, hidden: true)),
            ], exit: .exit)
        let rewarded = RewardedEpisode(real)
        #expect(rewarded.rewards.map { $0[0] } == [1, 0])
        #expect(rewarded.states == ["x = 2", "x = 1"])
    }

    @Test func thePapersThreeRewards() throws {
        let fails = verdict(passes: false)
        let lost = try trace([turn(nil, fails, error: "?"), turn("### DELL 1", fails, state: "")], exit: .turnLimit)
        #expect(RewardedEpisode(lost).rewards == [[0, -0.5, 0, 0, 0], [0, 0, -0.5, 0, 0]])
        #expect(RewardedEpisode(try trace([turn("### EXIT", fails)], exit: .exit)).total == 0)
    }

    @Test func aCosmeticChangeCostsWhatACommandWithoutEffectCosts() throws {
        var blank = turn("### REPL 1 >>>x = 2 ", verdict(passes: false), state: "x = 2 ")
        blank.effect = .cosmetic
        #expect(RewardedEpisode(try trace([blank], exit: .turnLimit, .best)).rewards[0][1] == -0.5)
        #expect(RewardedEpisode(try trace([blank], exit: .turnLimit, .paper)).rewards[0][1] == 0)
    }

    // MARK: Start states

    func tasks(_ count: Int) throws -> [any Tool] {
        try (0..<count).map {
            try PythonRepair(RepairTask(id: "\($0)", prompt: "", program: "", tests: .statements(["assert True"])))
        }
    }

    @Test func inTurnEachStartStateComesBeforeAnyComesAgain() throws {
        let tasks = try tasks(24)
        var state = StartStates()
        var random = SeededGenerator(seed: 0)
        var seen: [String] = []
        for _ in 0..<6 { seen += state.choose(4, of: tasks, byPassRate: false, &random).map(\.id) }
        #expect(Set(seen).count == 24)
        #expect(seen != tasks.map(\.id))
    }

    @Test func startStatesNearHalfAreDrawnMoreOftenThanSolvedOnes() throws {
        let tasks = try tasks(20)
        var state = StartStates()
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
