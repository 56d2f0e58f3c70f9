/// How one test ended.
public struct TestOutcome: Codable, Hashable, Sendable {
    /// The kinds of ends.
    public enum Status: String, Codable, Hashable, Sendable {
        /// The test raised nothing.
        case passed
        /// An assertion did not hold.
        case failed
        /// The program or the test raised something else, or the program's process ended.
        case error
        /// The time was used up during this test.
        case timeout
        /// The memory limit was reached.
        case memory
        /// More output than allowed.
        case outputLimit
        /// The test did not run: the program does not load, or an earlier test used up the time.
        case notRun
        /// The test's own author says that it is not to be run.
        case skipped
    }

    /// The test's source, shortened, or its identifier.
    public var name: String
    public var status: Status
    /// One short line for people and models: `got 3, want 4`; absent when the test passed.
    public var message: String?
    /// The value that the program gave, shortened, where the assertion compares values.
    public var got: String?
    /// The value that the test wants, shortened.
    public var want: String?
    /// The exception's type.
    public var errorType: String?
    /// The exception's message.
    public var errorMessage: String?
    /// The line of the program, counted from 1, where the exception arose.
    public var line: Int?

    /// Makes an outcome.
    public init(
        name: String, status: Status, message: String? = nil, got: String? = nil, want: String? = nil,
        errorType: String? = nil, errorMessage: String? = nil, line: Int? = nil
    ) {
        self.name = name
        self.status = status
        self.message = message
        self.got = got
        self.want = want
        self.errorType = errorType
        self.errorMessage = errorMessage
        self.line = line
    }
}

/// Why a program did not load.
public struct ProgramError: Codable, Hashable, Sendable {
    /// The exception's type, such as `SyntaxError`; `Timeout`, `MemoryError`, `OutputLimit` or `ProgramEnded` for the rest.
    public var type: String
    public var message: String
    /// The line of the program, counted from 1; absent when it lies elsewhere.
    public var line: Int?
    /// The column of a syntax error, counted from 1.
    public var column: Int?

    /// Makes a program error.
    public init(type: String, message: String, line: Int? = nil, column: Int? = nil) {
        self.type = type
        self.message = message
        self.line = line
        self.column = column
    }
}

/// What became of a job.
public struct SandboxReport: Codable, Hashable, Sendable {
    /// Why the program did not load; all tests are `notRun` then.
    public var programError: ProgramError?
    public var tests: [TestOutcome]
    public var hiddenTests: [TestOutcome]
    /// What the program and the tests printed, at most the limit.
    public var output: String
    /// Seconds the job took inside the worker.
    public var seconds: Double

    /// Makes a report.
    public init(
        programError: ProgramError? = nil, tests: [TestOutcome], hiddenTests: [TestOutcome] = [], output: String = "",
        seconds: Double = 0
    ) {
        self.programError = programError
        self.tests = tests
        self.hiddenTests = hiddenTests
        self.output = output
        self.seconds = seconds
    }

    /// Whether every visible test passed, apart from skipped ones; false when none passed.
    public var passed: Bool {
        tests.contains { $0.status == .passed } && tests.allSatisfy { $0.status == .passed || $0.status == .skipped }
    }
    /// Whether every hidden test passed; true when there is none.
    public var hiddenPassed: Bool { hiddenTests.allSatisfy { $0.status == .passed } }
}
