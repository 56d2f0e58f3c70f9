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
        /// The test needs what the judge can't decide or the jail forbids: nothing is said about the program. `errorType`
        /// is absent where the test's text alone is the reason.
        case refused
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

    /// The kind of a refusal: its message without names and lines.
    var reason: String {
        var text = message ?? ""
        for end in [": ", " of <", " (", " <"] {
            if let range = text.firstRange(of: end) { text.removeSubrange(range.lowerBound...) }
        }
        return text
    }

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
    /// Why the tests can't be used here: a test is refused, and no test before it failed. Nil where the tests decide.
    public var refusal: SandboxError? {
        let all = tests + hiddenTests
        guard let first = all.firstIndex(where: { $0.status == .refused }),
            all[..<first].allSatisfy({ $0.status == .passed || $0.status == .skipped })
        else { return nil }
        let refused = all.filter { $0.status == .refused }
        let reasons = refused.map { $0.reason }
        return SandboxError(
            code: .unusableTests,
            description: "The strict judge refuses \(refused.count) of \(all.count) tests: "
                + "\(all[first].message ?? "no reason is given").",
            refusals: Dictionary(reasons.map { ($0, 1) }, uniquingKeysWith: +))
    }
    /// Whether the refusal lies in the tests' own text and not in what this program gave.
    public var isRefusedForEveryProgram: Bool {
        (tests + hiddenTests).contains { $0.status == .refused && $0.errorType == nil }
    }
    /// Whether every hidden test passed; true when there is none.
    public var hiddenPassed: Bool { hiddenTests.allSatisfy { $0.status == .passed } }
}
