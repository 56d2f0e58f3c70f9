public import Episodes
public import PythonSandbox

/// How an environment server plays.
public struct EnvironmentOptions: Sendable {
    /// The rules of every episode.
    public var episode: EpisodeOptions
    /// What one run of the tests may use.
    public var limits: SandboxLimits
    /// Sessions at the same time.
    public var sessions: Int
    /// Seconds after which a session that nobody uses is closed.
    public var idleSeconds: Double
    /// Test runs that are given to the sandbox at once; twice its workers keep it busy.
    public var concurrentJobs: Int
    /// The most bytes of a program, given or made by edits: a substitution can grow one by the square of its length.
    public var programBytes: Int
    /// Faults put into a program that comes without any, as those of the starter collection do.
    public var faults: ClosedRange<Int>

    public init(
        episode: EpisodeOptions = EpisodeOptions(prompt: Prompt(workedExamples: false)),
        limits: SandboxLimits = SandboxLimits(), sessions: Int = 1024, idleSeconds: Double = 1800,
        concurrentJobs: Int = 4, programBytes: Int = 64 << 10, faults: ClosedRange<Int> = 1...3
    ) {
        self.episode = episode
        self.limits = limits
        self.sessions = sessions
        self.idleSeconds = idleSeconds
        self.concurrentJobs = concurrentJobs
        self.programBytes = programBytes
        self.faults = faults
    }
}
