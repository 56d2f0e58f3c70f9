/// What the user's runner says about one candidate of the program.
public struct RunnerReport: Hashable, Sendable, Codable {
    public enum Outcome: String, Hashable, Sendable, Codable {
        case passed, failed, unusable, cancelled
    }

    /// Why the program does not load.
    public struct Fault: Hashable, Sendable, Codable {
        public var type: String?
        public var message: String?
        /// The line of the program, from 1.
        public var line: Int?
        public var column: Int?
    }

    public var outcome: Outcome
    /// Why the tests can't be used, or what else a person should know.
    public var sentence: String?
    /// The runner's own exit code; nil when it was stopped.
    public var exitCode: Int?
    public var tests: [RunnerTest]
    public var program: Fault?
    /// Whether the time was used up.
    public var timedOut: Bool?
    /// What the tests printed, cut in the middle at the limit.
    public var output: String?
    /// Wall clock.
    public var seconds: Double?
    /// The program's lines that ran, where somebody asked.
    public var reached: [Int]?

    public var passed: Bool { outcome == .passed }

    /// Tests that the runner counts as failures.
    public var failing: [RunnerTest] { tests.filter(\.isFailing) }
}

/// One test of a ``RunnerReport``.
public struct RunnerTest: Hashable, Sendable, Codable {
    /// One function on the way from the test to the error, the outermost first.
    public struct Frame: Hashable, Sendable, Codable {
        public var file: String
        public var line: Int
        public var function: String
    }

    /// The runner's own name, such as `test_m.py::test_add[1]`.
    public var id: String
    /// `passed`, `failed`, `error`, `timeout`, `skipped`, `xfailed`, `xpassed` or `notRun`.
    public var outcome: String
    /// `collect`, `setup`, `call` or `teardown`.
    public var phase: String?
    /// The exception's type and message.
    public var type: String?
    public var message: String?
    /// The test's line that failed.
    public var testFile: String?
    public var testLine: Int?
    public var testSource: String?
    /// The tested call, what it gave, and what the test wants.
    public var call: String?
    public var got: String?
    public var want: String?
    public var parameters: [String: String]?
    /// The line of the program at which the error arose.
    public var programLine: Int?
    /// Whether the tests' own set-up is at fault.
    public var setup: Bool?
    public var trace: [Frame]?
    /// What the test printed.
    public var output: String?

    public var passed: Bool { outcome == "passed" }
    public var isFailing: Bool { ["failed", "error", "timeout"].contains(outcome) }
}
