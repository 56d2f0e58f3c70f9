import PythonSandbox
import StatefulTools
import Synchronization
import Testing

/// Players of episodes and of whole answers.
@Suite struct PlayerTests {
    private let paper = EpisodeOptions(endsAtFirstPass: false)

    private func play(
        _ start: any Tool, _ completions: [String], _ options: EpisodeOptions = EpisodeOptions(endsAtFirstPass: false)
    ) async throws -> Trace {
        try await withSandbox { sandbox in
            try await EpisodePlayer(
                policy: ScriptedPolicy(completions: completions), sandbox: sandbox, options: options
            ).play(start, sample: 2, sampling: .commands(seed: 7))
        }
    }

    @Test func `a script is played, and says EXIT when it is over`() async throws {
        let trace = try await play(try Climb(), ["### UP 2", "### UP 3"])
        #expect(trace.solved && trace.exit == .exit && trace.turns.last?.command == "### EXIT")
        #expect(trace.task == "climb" && trace.tool == "climb" && trace.policy == "script" && trace.method == "coe")
        #expect(trace.sample == 2 && trace.seed == 7)
        #expect(trace.reward == 1)
    }

    @Test func `hidden checks decide whether a task is solved`() async throws {
        let trace = try await play(try Climb(secret: false), ["### UP 5"])
        #expect(trace.passed && !trace.solved && trace.reward == 0)
        #expect(try await play(try Climb(secret: true), ["### UP 5"]).solved)
    }

    @Test func `every state is observed once, the initial one first`() async throws {
        let log = Mutex<[String]>([])
        try await withSandbox { sandbox in
            _ = try await EpisodePlayer(
                policy: ScriptedPolicy(completions: ["no", "### UP 5"]), sandbox: sandbox, options: paper
            ).play(try Climb(), sampling: .commands()) { turn, tool, verdict in
                log.withLock { $0.append("\(turn?.command ?? "-") \(verdict.passed) \(tool.state)") }
            }
        }
        #expect(log.withLock { $0 } == ["- false 0", "- false 0", "### UP 5 true 5", "### EXIT true 5"])
    }

    @Test func `a full context is an outcome, unusable tests are thrown`() async throws {
        try await withSandbox { sandbox in
            let player = EpisodePlayer(policy: FullPolicy(after: 1), sandbox: sandbox, options: paper)
            let trace = try await player.play(try Climb(), sampling: .commands())
            #expect(trace.exit == .contextFull && trace.turns.count == 1 && trace.error == "The context is full.")
            await #expect(throws: SandboxError.self) {
                try await player.play(try Climb(100), sampling: .commands())
            }
        }
    }

    @Test func `episodes in lockstep are those of the single player`() async throws {
        try await withSandbox { sandbox in
            let policy = ScriptedPolicy(completions: ["### UP 2", "no", "### UP 3"])
            let lockstep = LockstepPlayer(
                policy: policy, sandbox: sandbox, options: paper, maxTokens: 128, temperature: 1)
            let starts = [try Climb(), try Climb(0, to: 9), try Climb(100)].enumerated().map {
                LockstepPlayer.Start(tool: $1, sample: $0, seed: UInt64($0))
            }
            let rollouts = try await lockstep.play(starts)
            #expect(rollouts.map(\.trace.exit) == [.exit, .exit, .unusableTests])
            #expect(rollouts.map(\.trace.sample) == [0, 1, 2])
            let player = EpisodePlayer(policy: policy, sandbox: sandbox, options: paper)
            for (start, rollout) in zip(starts, rollouts).prefix(2) {
                var trace = try await player.play(
                    start.tool, sample: start.sample, sampling: .commands(seed: start.seed))
                trace.seconds = rollout.trace.seconds
                #expect(trace == rollout.trace)
                #expect(rollout.guidance.count == trace.turns.count)
                #expect(rollout.guidance.allSatisfy { $0.grammar != nil })
            }
            let full = LockstepPlayer(
                policy: FullPolicy(after: 2), sandbox: sandbox, options: paper, maxTokens: 128, temperature: 1)
            #expect(try await full.play(Array(starts.prefix(1))).map(\.trace.exit) == [.contextFull])
        }
    }

    @Test func `a whole answer is one turn, and no command is missed in it`() async throws {
        try await withSandbox { sandbox in
            func answer(_ text: String, budget: Int? = nil) async throws -> Trace {
                try await AnswerPlayer(policy: ScriptedPolicy(completions: [text]), sandbox: sandbox)
                    .play(try Climb(), method: "direct", sampling: SamplingParameters(seed: 3), budget: budget)
            }
            let right = try await answer("5")
            #expect(right.exit == .answered && right.solved && right.turns.map(\.effect) == [.changed])
            #expect(right.turns[0].state == "5" && right.finalState == "5" && right.method == "direct")
            #expect(right.reward == 1)
            let same = try await answer("0")
            #expect(same.turns.map(\.effect) == [.unchanged] && same.turns[0].state == nil && !same.solved)
            let none = try await answer("up")
            #expect(none.turns.map(\.error) == ["there is no answer in it"] && none.finalState == "0")
            #expect(none.rewards == [-0.5])
        }
    }

    @Test func `with a budget, answers are repeated until one passes or the budget is spent`() async throws {
        try await withSandbox { sandbox in
            func answer(_ text: String, budget: Int) async throws -> Trace {
                try await AnswerPlayer(policy: ScriptedPolicy(completions: [text]), sandbox: sandbox)
                    .play(try Climb(), method: "resample", sampling: SamplingParameters(seed: 3), budget: budget)
            }
            // Without token ids a character counts as a token.
            let wrong = try await answer("77", budget: 5)
            #expect(wrong.turns.count == 3 && wrong.finalState == "77")
            #expect(wrong.turns.map(\.effect) == [.changed, .unchanged, .unchanged])
            #expect(try await answer("5", budget: 10).turns.count == 1)
            #expect(try await answer("", budget: 3).turns.count == 3)

            let full = try await AnswerPlayer(policy: FullPolicy(after: 0), sandbox: sandbox)
                .play(try Climb(), method: "direct", sampling: SamplingParameters())
            #expect(full.exit == .contextFull && full.turns.isEmpty && full.error == "The context is full.")
        }
    }
}

/// Climbs by one until its context is full.
private struct FullPolicy: Policy {
    let name = "full"
    var after: Int

    func beginSession(
        messages: [ChatMessage], sampling: SamplingParameters, maxTokens: Int
    ) async throws -> any PolicySession { Session(left: after) }

    private actor Session: PolicySession {
        private var left: Int

        init(left: Int) { self.left = left }

        func respond(_ guidance: Guidance) throws -> Completion {
            if left == 0 { throw PolicyError(.contextFull, "The context is full.") }
            left -= 1
            return Completion(text: "### UP 1")
        }
        func append(_ message: ChatMessage) {}
        func end() {}
    }
}
