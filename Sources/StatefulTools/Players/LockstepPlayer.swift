public import PythonSandbox

/// Plays many episodes turn by turn together: all wait for the last before the next turn begins.
///
/// Which tokens share a pass then depends on the seeds alone and not on how fast the sandbox was, so a run can be repeated
/// to the last bit.
public struct LockstepPlayer: Sendable {
    public var policy: any Policy
    public var sandbox: PythonSandbox
    public var options: EpisodeOptions
    /// The most tokens of one command.
    public var maxTokens: Int
    public var temperature: Double

    public init(
        policy: any Policy, sandbox: PythonSandbox, options: EpisodeOptions, maxTokens: Int, temperature: Double
    ) {
        self.policy = policy
        self.sandbox = sandbox
        self.options = options
        self.maxTokens = maxTokens
        self.temperature = temperature
    }

    /// Where an episode begins.
    public struct Start: Sendable {
        public var tool: any Tool
        public var sample: Int
        public var seed: UInt64

        public init(tool: any Tool, sample: Int = 0, seed: UInt64 = 0) {
            self.tool = tool
            self.sample = sample
            self.seed = seed
        }
    }

    /// A finished episode, and what bounded each of its turns.
    public struct Rollout: Sendable {
        public var trace: Trace
        public var guidance: [Guidance]
    }

    private struct Player {
        let start: Start
        var episode: Episode
        var action: Episode.Action
        var session: (any PolicySession)?
        var guidance: [Guidance] = []
        var error: String?

        mutating func end(_ exit: EpisodeExit, _ reason: String) {
            episode.end(exit)
            error = reason
            action = .end
        }
    }

    /// The episodes in the order of their starts. One that the sandbox could not finish ends as ``EpisodeExit/broken``.
    public func play(_ starts: [Start]) async throws -> [Rollout] {
        let begin = ContinuousClock.now
        var players = starts.map { start in
            let episode = Episode(start.tool, options: options)
            return Player(start: start, episode: episode, action: episode.begin())
        }
        while true {
            try Task.checkCancellation()
            try await judge(&players)
            guard try await respond(&players) else { break }
        }
        for player in players { await player.session?.end() }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        return players.map { player in
            var trace = Trace(
                player.episode, sample: player.start.sample, seed: player.start.seed, policy: policy.name)
            trace.error = player.error
            trace.seconds = seconds
            return Rollout(trace: trace, guidance: player.guidance)
        }
    }

    /// Judges the states that wait for it.
    private func judge(_ players: inout [Player]) async throws {
        let waiting = players.enumerated().compactMap { index, player -> (index: Int, tool: any Tool)? in
            if case .judge(let tool) = player.action { (index, tool) } else { nil }
        }
        let results = try await waiting.map(\.tool).concurrentMap { [sandbox] tool -> Result<Verdict, SandboxError> in
            do {
                return .success(try await tool.judge(in: sandbox))
            } catch let error as SandboxError {
                return .failure(error)
            }
        }
        for (place, result) in zip(waiting, results) {
            switch result {
            case .success(let verdict):
                players[place.index].action = players[place.index].episode.receive(verdict)
            case .failure(let error):
                players[place.index].end(
                    error.code == .unusableTests ? .unusableTests : .broken, error.description)
            }
        }
    }

    private struct Question: Sendable {
        var index: Int
        var session: any PolicySession
        var guidance: Guidance
    }

    private enum Answer: Sendable {
        case completion(Completion)
        case contextFull(String)
    }

    /// Lets the policy write where it is asked to; false when all episodes are over.
    private func respond(_ players: inout [Player]) async throws -> Bool {
        var questions: [Question] = []
        for index in players.indices {
            guard case .respond(let messages) = players[index].action else { continue }
            if let session = players[index].session {
                for message in messages { try await session.append(message) }
            } else {
                players[index].session = try await policy.beginSession(
                    messages: messages,
                    sampling: .commands(temperature: temperature, seed: players[index].start.seed),
                    maxTokens: maxTokens)
            }
            guard let session = players[index].session else { continue }
            questions.append(Question(index: index, session: session, guidance: players[index].episode.guidance))
        }
        if questions.isEmpty { return false }
        await policy.gather(questions.count)
        let answers = try await questions.concurrentMap { question -> Answer in
            do {
                return .completion(try await question.session.respond(question.guidance))
            } catch let error as PolicyError where error.code == .contextFull {
                return .contextFull(error.description)
            }
        }
        for (question, answer) in zip(questions, answers) {
            switch answer {
            case .completion(let completion):
                players[question.index].guidance.append(question.guidance)
                players[question.index].action = players[question.index].episode.receive(completion)
            case .contextFull(let reason):
                players[question.index].end(.contextFull, reason)
            }
        }
        return true
    }
}

extension Array where Element: Sendable {
    /// What `transform` makes of each, in order; all at the same time.
    fileprivate func concurrentMap<Output: Sendable>(
        _ transform: @escaping @Sendable (Element) async throws -> Output
    ) async throws -> [Output] {
        try await withThrowingTaskGroup(of: (Int, Output).self) { group in
            for (number, element) in enumerated() {
                group.addTask { (number, try await transform(element)) }
            }
            var outputs = [Output?](repeating: nil, count: count)
            for try await (number, output) in group { outputs[number] = output }
            return outputs.compactMap { $0 }
        }
    }
}
