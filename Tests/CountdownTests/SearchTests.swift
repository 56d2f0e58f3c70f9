import Countdown
import PythonSandbox
import StatefulTools
import Synchronization
import Testing

/// Search over a game's states with a policy that knows nothing: it writes what the grammar allows.
@Suite struct SearchTests {
    private struct RandomPolicy: Policy {
        let name = "random"

        func beginSession(
            messages: [ChatMessage], sampling: SamplingParameters, maxTokens: Int
        ) -> any PolicySession {
            Session(random: SeededGenerator(seed: sampling.seed))
        }

        private actor Session: PolicySession {
            private var random: SeededGenerator

            init(random: SeededGenerator) { self.random = random }

            func respond(_ guidance: Guidance) throws -> Completion {
                var state = try #require(guidance.grammar?.start)
                var bytes: [UInt8] = []
                while true {
                    let open = (0...255).map { UInt8($0) }.filter { state.advanced(by: $0) != nil }
                    if state.canEnd, open.isEmpty || random.chance(0.5) { break }
                    guard let byte = random.element(of: open), let next = state.advanced(by: byte) else { break }
                    bytes.append(byte)
                    state = next
                }
                return Completion(text: String(decoding: bytes, as: UTF8.self), tokenIDs: [1, 2, 3])
            }
            func append(_ message: ChatMessage) {}
            func end() {}
        }
    }

    /// How often each state was judged.
    private final class Counter: Sendable {
        private let counts = Mutex<[String: Int]>([:])
        func add(_ state: String) { counts.withLock { $0[state, default: 0] += 1 } }
        var all: [String: Int] { counts.withLock { $0 } }
    }

    private func withPlayer(_ body: (EpisodePlayer, Counter) async throws -> Void) async throws {
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        let counter = Counter()
        let player = EpisodePlayer(policy: RandomPolicy(), options: EpisodeOptions(turns: 30)) {
            counter.add($0.state)
            return try await $0.judge(in: sandbox)
        }
        do {
            try await body(player, counter)
        } catch {
            await sandbox.shutdown()
            throw error
        }
        await sandbox.shutdown()
    }

    private func games() throws -> [any Tool] {
        Array(try #require(try Countdown.tasks("countdown-4", split: .validation)).prefix(20))
    }

    @Test func `a search with 200 commands solves more than an episode, and shows the way`() async throws {
        try await withPlayer { player, _ in
            var (byEpisode, bySearch) = (0, 0)
            for (index, game) in try games().enumerated() {
                let seed = UInt64(index)
                if try await player.play(game, sampling: .commands(seed: seed)).solved { byEpisode += 1 }
                let trace = try await SearchPlayer(player, budget: 200).play(game, seed: seed)
                let figures = try #require(trace.search)
                #expect(figures.commands <= 200 && trace.tokens == 3 * figures.commands)
                var replayed = game
                for turn in trace.turns { _ = try replayed.apply(try #require(turn.command)) }
                #expect(replayed.state == trace.finalState)
                #expect((trace.exit == .passed) == trace.passed)
                if trace.solved { bySearch += 1 }
            }
            #expect(bySearch > byEpisode, "\(bySearch), \(byEpisode)")
        }
    }

    @Test func `each state is judged once, and the seed decides everything`() async throws {
        try await withPlayer { player, counter in
            let game = try games()[3]
            var first = try await SearchPlayer(player, budget: 120).play(game, seed: 5, after: [])
            #expect(counter.all.values.allSatisfy { $0 == 1 })
            #expect(counter.all.count == first.search?.states)
            var second = try await SearchPlayer(player, budget: 120).play(game, seed: 5, after: [])
            (first.seconds, second.seconds) = (0, 0)
            for index in first.turns.indices { first.turns[index].verdict.seconds = 0 }
            for index in second.turns.indices { second.turns[index].verdict.seconds = 0 }
            #expect(first == second)
        }
    }

    @Test func `states of earlier attempts are not judged again and their commands not tried again`() async throws {
        try await withPlayer { player, counter in
            let game = try games()[7]
            let attempt = try await player.play(game, sampling: .commands(seed: 1))
            let before = counter.all
            let asked = Counter()
            _ = try await SearchPlayer(player, budget: 40).play(game, seed: 2, after: [(attempt, game)]) {
                turn, tool, _ in
                if let command = turn?.command { asked.add(command) }
                if before[tool.state] != nil { asked.add("again") }
            }
            #expect(asked.all["again"] == nil)
            #expect(counter.all.filter { before[$0.key] != nil } == before)
        }
    }

    @Test func `a budget below an episode's turns holds`() async throws {
        try await withPlayer { player, _ in
            let trace = try await SearchPlayer(player, budget: 3).play(try games()[1], seed: 1)
            #expect(try #require(trace.search).commands <= 3)
        }
    }
}
