/// How the user's own test runner is started.
public struct RunnerConfiguration: Hashable, Sendable {
    /// The program under test, as an absolute path.
    public var file: String
    /// Test files, folders and test ids, as the user wrote them; without any, the doctests of ``file`` run.
    public var tests: [String]
    /// A command that runs the tests in place of Python's runners; its exit code decides.
    public var command: String?
    public var kind: TestKind
    public var project: Project
    /// The interpreter as a path or a name on `PATH`; nil for the active virtual environment, the project's, or `python3`.
    public var interpreter: String?
    public var limits: RunnerLimits
    /// How many candidates are judged at the same time.
    public var workers: Int
    /// Runs the tests on a copy of the project without the jail.
    public var unsafeNoSandbox: Bool

    public init(
        file: String, tests: [String] = [], command: String? = nil, kind: TestKind = .auto, project: Project,
        interpreter: String? = nil, limits: RunnerLimits = RunnerLimits()
    ) {
        self.file = file
        self.tests = tests
        self.command = command
        self.kind = kind
        self.project = project
        self.interpreter = interpreter
        self.limits = limits
        workers = 1
        unsafeNoSandbox = false
    }
}

/// The forms in which tests are written.
public enum TestKind: String, CaseIterable, Hashable, Sendable, Codable {
    /// Whatever the test files are written for.
    case auto
    case pytest, unittest, doctest
    /// A file of plain asserts.
    case script
    /// A command whose exit code decides.
    case command
}

/// What one run of the tests may use.
public struct RunnerLimits: Hashable, Sendable {
    /// Seconds of wall clock.
    public var seconds: Double
    /// Bytes of address space beyond what the runner has.
    public var memoryBytes: Int
    /// Bytes of output that are kept.
    public var outputBytes: Int

    public init(seconds: Double = 30, memoryBytes: Int = 4 << 30, outputBytes: Int = 64 << 10) {
        self.seconds = seconds
        self.memoryBytes = memoryBytes
        self.outputBytes = outputBytes
    }
}
