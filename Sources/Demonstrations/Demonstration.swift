public import Episodes
import LineEditor
public import RepairTasks

/// An episode that ends well, to be imitated: one line of a demonstration file.
public struct Demonstration: Hashable, Sendable, Codable {
    /// One message of the conversation, exactly as the model would see or write it.
    public struct Message: Hashable, Sendable, Codable {
        public var role: ChatMessage.Role
        public var content: String
        /// Whether a loss may stand on it; nil for messages that the assistant doesn't write. A wrong edit that is
        /// shown for its recovery is not to be learned.
        public var learn: Bool?

        public init(role: ChatMessage.Role, content: String, learn: Bool? = nil) {
            self.role = role
            self.content = content
            self.learn = learn
        }
    }

    public enum Kind: String, CaseIterable, Hashable, Sendable, Codable {
        /// The way back from corruptions.
        case corruption
        /// The same, with a wrong edit on the way and its repair.
        case recovery
        /// The shortest way from a faulty program to its reference.
        case pair
        /// What a model did itself, and the way out of where that led it.
        case correction
    }

    public struct Meta: Hashable, Sendable, Codable {
        public var kind: Kind
        /// The task it was made from.
        public var source: String
        /// The operator of each fault; empty where none was made.
        public var operators: [Corruption.Operator]
        /// What the tests say at the start: `AssertionError`, `SyntaxError`, `Timeout`, …
        public var failure: String
        /// Characters between the start and the reference (Levenshtein).
        public var editDistance: Int
        /// Commands to be learned, EXIT included.
        public var commands: Int
        public var state: StateForm
        public var family: CorruptionFamily?
        public var seed: UInt64
        /// Which draw of the seed this is.
        public var index: Int
    }

    public var id: String
    public var messages: [Message]
    /// The task with the faulty program in it, so that an episode can start here.
    public var task: RepairTask
    public var meta: Meta
}

/// How the state is shown to the model.
public enum StateForm: String, CaseIterable, Hashable, Sendable, Codable {
    /// The whole program each turn, lines as `L 1 x`.
    case paper
    /// The whole program each turn, lines as `1>>>x`.
    case compact
    /// The whole program in the first turn, then the changed region alone.
    case compactDiff = "compact-diff"
    /// As compact-diff, without the instruction.
    case brief
    /// As brief, without the markup of a chat.
    case plain

    public var prompt: Prompt {
        switch self {
        case .paper: Prompt(numbering: .paper, workedExamples: false)
        case .compact: Prompt(numbering: .compact, workedExamples: false)
        case .compactDiff: Prompt(numbering: .compact, workedExamples: false, changesOnly: true)
        case .brief: Prompt(numbering: .compact, instructs: false, workedExamples: false, changesOnly: true)
        case .plain:
            Prompt(instructs: false, workedExamples: false, changesOnly: true, isPlainText: true)
        }
    }
}
