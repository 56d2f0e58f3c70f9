public import LineEditor
public import PythonSandbox
public import RepairTasks

/// Plays episodes: drives ``Episode`` with a policy and the sandbox.
public struct EpisodeRunner: Sendable {
    public var policy: any Policy
    public var sandbox: PythonSandbox
    public var options: EpisodeOptions
    public var limits: SandboxLimits
    /// The most tokens of one command.
    public var maxTokens: Int

    public init(
        policy: any Policy, sandbox: PythonSandbox, options: EpisodeOptions = EpisodeOptions(),
        limits: SandboxLimits = SandboxLimits(), maxTokens: Int = 128
    ) {
        self.policy = policy
        self.sandbox = sandbox
        self.options = options
        self.limits = limits
        self.maxTokens = maxTokens
    }

    /// Plays one episode to its end.
    ///
    /// A bad rollout is data: malformed commands, failing programs and a full context end in the trace. Thrown are
    /// faults of the sandbox and of the policy, unusable tests among them, and cancellation.
    ///
    /// - Parameter observe: is told of each state: first of the initial one (no turn), then of each turn.
    public func play(
        _ task: RepairTask, sample: Int = 0, sampling: SamplingParameters,
        observe: @Sendable (Turn?, ProgramText, SandboxReport) -> Void = { _, _, _ in }
    ) async throws -> Trace {
        let start = ContinuousClock.now
        var episode = Episode(task: task, options: options, limits: limits)
        var session: (any PolicySession)?
        var told = -1
        var error: String?
        do {
            var action = episode.start()
            loop: while true {
                try Task.checkCancellation()
                switch action {
                case .end:
                    break loop
                case .test(let job):
                    action = episode.receive(try await sandbox.run(job))
                case .respond(let messages):
                    if let session {
                        for message in messages { try await session.append(message) }
                    } else {
                        session = try await policy.beginSession(
                            messages: messages, sampling: sampling, maxTokens: maxTokens)
                    }
                    guard let session else { break loop }
                    action = episode.receive(try await session.respond(within: episode.grammar))
                }
                if let report = episode.report, episode.turns.count > told {
                    told = episode.turns.count
                    observe(episode.turns.last, episode.program, report)
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
        return Trace(
            episode, sample: sample, seed: sampling.seed, policy: policy.name, error: error,
            seconds: (ContinuousClock.now - start) / .seconds(1))
    }
}
