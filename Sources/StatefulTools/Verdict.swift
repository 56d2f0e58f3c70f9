/// What a tool says about one of its states.
public struct Verdict: Hashable, Sendable, Codable {
    /// One of the checks that the verdict is made of, such as a test.
    public struct Check: Hashable, Sendable, Codable {
        public var name: String
        /// How it ended, in the tool's words: `passed`, `failed`, `error`, `timeout`, …
        public var outcome: String
        /// What it says, such as `got 3, want 4`.
        public var note: String?
        /// The line of the state that it blames, from 1.
        public var line: Int?

        public init(name: String, outcome: String, note: String? = nil, line: Int? = nil) {
            self.name = name
            self.outcome = outcome
            self.note = note
            self.line = line
        }

        public var passed: Bool { outcome == "passed" }
    }

    /// Whether the state passes what the model is shown.
    public var passed: Bool
    /// Whether the state also passes what the model is not shown; nil where nothing is hidden.
    public var hiddenPassed: Bool?
    /// What the model is told.
    public var feedback: String
    /// From 0 to 1, for search and reports: the share of tests that pass, or how near the goal is.
    public var progress: Double
    /// The kind of failure, the row of a table: `SyntaxError`, `AssertionError`; nil where nothing failed.
    public var failure: String?
    public var checks: [Check]
    /// Seconds that judging took.
    public var seconds: Double

    public init(
        passed: Bool, hiddenPassed: Bool? = nil, feedback: String, progress: Double, failure: String? = nil,
        checks: [Check] = [], seconds: Double = 0
    ) {
        self.passed = passed
        self.hiddenPassed = hiddenPassed
        self.feedback = feedback
        self.progress = progress
        self.failure = failure
        self.checks = checks
        self.seconds = seconds
    }

    /// Whether the state passes everything, hidden checks included.
    public var solved: Bool { passed && hiddenPassed ?? true }
}
