public import StatefulTools

/// How an environment server plays.
public struct EnvironmentOptions: Sendable {
    /// The rules of every episode. A server holds no policy to commands, so `isConstrained` changes nothing.
    public var episode: EpisodeOptions
    /// The most sessions at the same time.
    public var sessions: Int
    /// Seconds after which an unused session is closed.
    public var idleSeconds: Double
    /// The most states that the sandbox judges at the same time; as many as it has workers. One client gets all but one.
    public var concurrentJobs: Int

    /// The defaults suit a server on loopback: episodes end at the first pass, with the prompt of a model that knows
    /// the tool by its instruction.
    public init(
        episode: EpisodeOptions = EpisodeOptions(endsAtFirstPass: false, prompt: .compact), sessions: Int = 1024,
        idleSeconds: Double = 1800, concurrentJobs: Int = 4
    ) {
        self.episode = episode
        self.sessions = sessions
        self.idleSeconds = idleSeconds
        self.concurrentJobs = concurrentJobs
    }
}
