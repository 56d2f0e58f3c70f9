public import PythonSandbox

/// Plays one episode: drives ``Episode`` with a policy and a judge.
public struct EpisodePlayer: Sendable {
    public var policy: any Policy
    /// What decides about a state.
    public var judge: @Sendable (any Tool) async throws -> Verdict
    public var options: EpisodeOptions
    /// The most tokens of one command.
    public var maxTokens: Int

    public init(
        policy: any Policy, sandbox: PythonSandbox, options: EpisodeOptions = EpisodeOptions(), maxTokens: Int = 128
    ) {
        self.init(policy: policy, options: options, maxTokens: maxTokens) { try await $0.judge(in: sandbox) }
    }

    /// A player with another judge than the tool's own.
    public init(
        policy: any Policy, options: EpisodeOptions = EpisodeOptions(), maxTokens: Int = 128,
        judge: @escaping @Sendable (any Tool) async throws -> Verdict
    ) {
        self.policy = policy
        self.judge = judge
        self.options = options
        self.maxTokens = maxTokens
    }

    /// Plays one episode to its end.
    ///
    /// A bad rollout is data: malformed commands, failing states and a full context end in the trace. Faults of the
    /// sandbox and of the policy, unusable tests and cancellation are thrown.
    ///
    /// - Parameters:
    ///   - tool: the start state.
    ///   - sample: the episode's number among those of its task, for the trace.
    ///   - sampling: how the policy chooses its tokens.
    ///   - observe: is told of each state: first of the initial one (no turn), then of each turn.
    public func play(
        _ tool: any Tool, sample: Int = 0, sampling: SamplingParameters,
        observe: @Sendable (Turn?, any Tool, Verdict) -> Void = { _, _, _ in }
    ) async throws -> Trace {
        let start = ContinuousClock.now
        var episode = Episode(tool, options: options)
        var session: (any PolicySession)?
        var told = -1
        var error: String?
        do {
            var action = episode.begin()
            loop: while true {
                try Task.checkCancellation()
                switch action {
                case .end:
                    break loop
                case .judge(let tool):
                    action = episode.receive(try await judge(tool))
                case .respond(let messages):
                    if let session {
                        for message in messages { try await session.append(message) }
                    } else {
                        session = try await policy.beginSession(
                            messages: messages, sampling: sampling, maxTokens: maxTokens)
                    }
                    guard let session else { break loop }
                    action = episode.receive(try await session.respond(episode.guidance))
                }
                if let verdict = episode.verdict, episode.turns.count > told {
                    told = episode.turns.count
                    observe(episode.turns.last, episode.tool, verdict)
                }
            }
        } catch let failure as PolicyError where failure.code == .contextFull {
            episode.end(.contextFull)
            error = failure.description
        } catch {
            await session?.end()
            throw error
        }
        await session?.end()
        var trace = Trace(episode, sample: sample, seed: sampling.seed, policy: policy.name)
        trace.error = error
        trace.seconds = (ContinuousClock.now - start) / .seconds(1)
        return trace
    }
}
