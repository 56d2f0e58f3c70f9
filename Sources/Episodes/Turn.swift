public import LineEditor
public import PythonSandbox

/// One turn of an episode as it is recorded: what the model read and wrote, and what came of it.
public struct Turn: Hashable, Sendable, Codable {
    public var completion: Completion
    /// The command, or nil when the completion holds none that can be read.
    public var command: Command?
    /// Why the command could not be read or carried out.
    public var error: String?
    /// What the tests say about the program after this turn.
    public var report: SandboxReport
    /// The message that answers this turn; nil when the episode ended.
    public var feedback: String?
    public var reward: Double
    /// The digest of the program after this turn: equal states have equal digests.
    public var programDigest: String

    public init(
        completion: Completion, command: Command? = nil, error: String? = nil, report: SandboxReport,
        feedback: String? = nil, reward: Double, programDigest: String
    ) {
        self.completion = completion
        self.command = command
        self.error = error
        self.report = report
        self.feedback = feedback
        self.reward = reward
        self.programDigest = programDigest
    }
}

/// How an episode ended.
public enum EpisodeExit: String, CaseIterable, Hashable, Sendable, Codable {
    /// The model said EXIT.
    case exit
    /// All visible tests passed, and the rules end the episode there.
    case passed
    /// The turns were used up.
    case turnLimit
    /// The conversation no longer fits the model.
    case contextFull
    /// A single answer was given and tested (method `direct`).
    case answered
    /// The task's own tests can't be used.
    case unusableTests
    /// Something outside of the episode failed, such as a model or a worker; the trace's error says what.
    case broken
}

/// FNV-1a over the bytes, 64 bits, in hexadecimal: stable between runs and machines, unlike `Hasher`.
public func programDigest(_ text: String) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}

extension Turn {
    /// The only turn of a method that answers with a whole program.
    public init(answer: Completion, report: SandboxReport, program: String) {
        self.init(
            completion: answer, report: report, reward: report.passed ? 1 : 0,
            programDigest: Episodes.programDigest(program))
    }
}
