import StatefulTools
import Testing

/// ``RewardRules/earned(in:)`` on traces made by hand.
@Suite struct RewardTests {
    private static let fails = Verdict(passed: false, feedback: "", progress: 0)
    private static let passes = Verdict(passed: true, feedback: "", progress: 1)
    private static let cheats = Verdict(passed: true, hiddenPassed: false, feedback: "", progress: 1)

    /// A turn with an applied command.
    private func turn(_ verdict: Verdict, _ effect: Effect = .changed, distance: Int? = nil) -> Turn {
        Turn(
            completion: Completion(text: "### X"), command: "### X", effect: effect, verdict: verdict,
            distance: distance)
    }

    private func trace(
        _ turns: [Turn], _ exit: EpisodeExit = .exit, initial: Verdict = fails, rules: RewardRules = RewardRules()
    ) throws -> Trace {
        var trace = Trace(
            start: try Climb(), sample: 0, seed: 0, method: "coe", policy: "", initialVerdict: initial, turns: turns,
            exit: exit)
        trace.rules = rules
        return trace
    }

    private func column(_ kind: String, _ trace: Trace) throws -> [Double] {
        let index = try #require(RewardRules.kinds.firstIndex(of: kind))
        return trace.rules.earned(in: trace).map { $0[index] }
    }

    @Test func `solving earns once, and a solved start nothing`() throws {
        let turns = [turn(Self.fails), turn(Self.passes), turn(Self.fails), turn(Self.passes)]
        #expect(try trace(turns).rewards == [0, 1, 0, 0])
        #expect(try trace(turns, initial: Self.passes).rewards == [0, 0, 0, 0])
        #expect(try trace(turns).reward == 1)
    }

    @Test func `passing without the hidden checks earns nothing`() throws {
        #expect(try trace([turn(Self.cheats), turn(Self.passes)]).rewards == [0, 1])
    }

    @Test func `what can't be read costs, what can't be applied costs as the rules say`() throws {
        let malformed = Turn(completion: Completion(text: "x"), error: "no command", verdict: Self.fails)
        let refused = Turn(
            completion: Completion(text: "### X"), command: "### X", error: "too far", verdict: Self.fails)
        let empty = turn(Self.fails, .unchanged)
        var unchanged = empty
        unchanged.error = "the command changed nothing"
        let turns = [malformed, refused, unchanged, turn(Self.fails, .done)]
        #expect(try trace(turns).rewards == [-0.5, 0, 0, 0])
        let strict = RewardRules(malformed: -1, inapplicable: -0.25)
        #expect(try column("malformed", try trace(turns, rules: strict)) == [-1, -0.25, -0.25, 0])
    }

    @Test func `a cosmetic change is charged until the task is solved`() throws {
        let turns = [turn(Self.fails, .cosmetic), turn(Self.passes), turn(Self.passes, .cosmetic)]
        let rules = RewardRules(inapplicable: -0.25)
        #expect(try trace(turns, rules: rules).rewards == [-0.25, 1, 0])
    }

    @Test func `a whole answer is no malformed command`() throws {
        let answer = Turn(completion: Completion(text: "5"), effect: .changed, verdict: Self.passes)
        #expect(try trace([answer], .answered).rewards == [1])
    }

    @Test(arguments: EpisodeExit.allCases)
    func `an end without EXIT and without passing costs in the last turn`(exit: EpisodeExit) throws {
        let isFine = [.exit, .passed, .answered].contains(exit)
        let trace = try trace([turn(Self.fails), turn(Self.fails)], exit)
        #expect(trace.rewards == [0, isFine ? 0 : -0.5])
        #expect(try column("exit", trace) == trace.rewards)
    }

    @Test func `changes beyond the needed ones cost in the solving turn`() throws {
        var trace = try trace([turn(Self.fails), turn(Self.passes)], rules: RewardRules(editPenalty: 0.5))
        trace.initialState = String(repeating: "x", count: 100)
        (trace.initialDistance, trace.movedDistance) = (10, 30)
        #expect(try column("edits", trace) == [0, -0.5 * 0.2])
        // No more than the penalty, and nothing for fewer changes than the known ones.
        trace.movedDistance = 10_000
        #expect(try column("edits", trace) == [0, -0.5])
        trace.movedDistance = 4
        #expect(try column("edits", trace) == [0, 0])
        // Short states count as 20 characters.
        (trace.initialState, trace.movedDistance) = ("x", 14)
        #expect(try column("edits", trace) == [0, -0.5 * 0.2])
    }

    @Test func `progress telescopes: it pays what the distance fell by`() throws {
        let rules = RewardRules(progress: 0.4)
        var trace = try trace(
            [
                turn(Self.fails, distance: 5), turn(Self.fails, distance: 90), turn(Self.fails, distance: 10),
                turn(Self.passes, distance: 3), turn(Self.passes, .done),
            ], rules: rules)
        trace.initialDistance = 10
        let earned = try column("progress", trace)
        // From 1 to 0.5, to the most of 2, to 1, and to 0, which a solved state has whatever it looks like.
        for (found, wanted) in zip(earned, [0.2, -0.6, 0.4, 0.4, 0]) { #expect(abs(found - wanted) < 1e-12) }
        #expect(abs(earned.reduce(0, +) - 0.4) < 1e-12)
        trace.initialDistance = nil
        #expect(try column("progress", trace) == [0, 0, 0, 0, 0])
    }

    @Test func `an episode records the distances that its rules need`() async throws {
        try await withSandbox { sandbox in
            let policy = ScriptedPolicy(completions: ["### UP 2", "### UP 99", "### UP 3"])
            func play(_ rules: RewardRules) async throws -> Trace {
                try await EpisodePlayer(
                    policy: policy, sandbox: sandbox, options: EpisodeOptions(rewards: rules)
                ).play(try Climb(), sampling: .commands())
            }
            let plain = try await play(RewardRules())
            #expect(plain.initialDistance == nil && plain.turns.allSatisfy { $0.distance == nil })
            let measured = try await play(RewardRules(progress: 1))
            #expect(measured.initialDistance == 5 && measured.movedDistance == 5)
            #expect(measured.turns.map(\.distance) == [3, nil, 0])
            #expect(abs(measured.reward - 2) < 1e-12)
        }
    }

    @Test func `each kind has a weight`() {
        let rules = RewardRules(firstPass: 2, malformed: -0.5, inapplicable: -0.75, noExit: -1, editPenalty: 0.1)
        #expect(rules.weights == [2, 0.75, 1, 0.1, 0])
        #expect(RewardRules.kinds.count == rules.weights.count)
    }
}
