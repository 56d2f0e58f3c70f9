public import PythonSandbox

/// A stateful tool that a model drives by short commands in place of thinking in words.
///
/// A tool is a value: it holds its task and its state, and a copy is a branch. It neither prints nor waits, but for
/// ``judge(in:)``. Episodes, players, demonstrations, training, evaluation, reports and servers know this protocol alone,
/// so a new tool is one folder and one line in the list of tools.
public protocol Tool: Sendable {
    /// The name by which task files and the command line choose the tool.
    static var name: String { get }
    /// What the tool is for, as one sentence for people.
    static var summary: String { get }
    /// The commands, in the words that a model reads.
    static var instruction: String { get }
    /// The turns of an episode where nobody says otherwise.
    static var turns: Int { get }

    /// The start state of a task.
    ///
    /// - Throws: ``ToolTaskError`` that names the field which is missing or wrong.
    init(_ task: ToolTask) throws

    /// The task as one line of a task file; its fields describe the start state.
    var task: ToolTask { get }
    /// The state as text: what is shown, compared, stored. Equal texts are equal states.
    var state: String { get }

    /// The command in a completion, in its one written form.
    ///
    /// - Throws: ``CommandFault`` with ``CommandFault/isMalformed``.
    func read(_ completion: String) throws(CommandFault) -> String
    /// Carries out a command that ``read(_:)`` gave. After an error the state is as before.
    mutating func apply(_ command: String) throws(CommandFault) -> Effect
    /// The commands that this state can take; nil where the tool has no grammar.
    ///
    /// - Parameter allowsExit: whether the command that ends the episode is one of them.
    func grammar(allowsExit: Bool) -> Grammar?
    /// Decides about the state.
    ///
    /// - Throws: `SandboxError` for faults of the sandbox and for tests that can't be used, never for a bad state.
    func judge(in sandbox: PythonSandbox) async throws -> Verdict

    /// The message that opens an episode: task, state and feedback.
    func opening(_ feedback: String, _ style: PromptStyle) -> String
    /// The message that answers a command: the state, or what changed of it, and the feedback.
    ///
    /// - Parameters:
    ///   - feedback: what the verdict says.
    ///   - shown: the state in the message before.
    ///   - style: how the episode is shown.
    func reply(_ feedback: String, since shown: String, _ style: PromptStyle) -> String

    // The rest has defaults.

    /// Short solved episodes for a model that was not trained on the commands.
    static func examples(_ style: PromptStyle) -> [ChatMessage]
    /// The tasks of a set that the tool bundles, generates or can read; nil where the name means nothing to it.
    ///
    /// - Parameter set: what a user wrote: the tool's name and variants of it (`countdown:test`), or a file or folder in a
    ///   form that the tool knows.
    /// - Parameter split: which tasks, where the set has official splits.
    static func tasks(_ set: String, split: TaskSplit) throws -> [any Tool]?
    /// What makes start states and their solutions out of tasks, for demonstrations and the environment.
    ///
    /// - Parameters:
    ///   - tasks: start states of this tool.
    ///   - options: what lessons are wanted.
    ///   - sandbox: where solutions are checked first; nil to skip that.
    ///   - progress: is told how many tasks are checked.
    static func teacher(
        of tasks: [any Tool], _ options: LessonOptions, in sandbox: PythonSandbox?,
        progress: @Sendable (_ checked: Int, _ of: Int) -> Void
    ) async throws -> any Teacher
    /// How far apart two states are; nil where the tool has no measure.
    static func difference(_ first: String, _ second: String) -> StateDifference?
    /// The word under which statistics count a command.
    static func verb(_ command: String) -> String

    /// A known solved state.
    var solution: String? { get }
    /// The shortest known way to a solved state, the final command included; nil where none is known.
    var oracle: [String]? { get }
    /// A way to a solved state for a demonstration, without the final command; nil where none is known.
    ///
    /// - Parameters:
    ///   - verdict: what is known about this state.
    ///   - random: decides between ways that are equally good.
    func expert(_ verdict: Verdict?, using random: inout SeededGenerator) -> [Step]?
    /// Another start state for the same kind of task; nil where the tool makes none.
    func corrupted(using random: inout SeededGenerator) -> Self?
    /// How the tool asks for the solved state in one answer.
    func question(_ feedback: String, _ form: AnswerForm, thinks: Bool) -> [ChatMessage]
    /// The state that a whole answer amounts to; nil where it amounts to none.
    func answered(_ text: String) -> Self?
    /// Guesses how a command goes on, from text that commands tend to copy.
    var draft: Draft? { get }
    /// What validation counts about a first command: names and whether they hold.
    func grade(_ completion: String) -> [String: Bool]
}

/// Guesses the bytes that follow `text`, a command so far; empty where there is nothing to guess. A wrong guess costs a
/// little time and changes nothing.
public typealias Draft = @Sendable (_ text: [UInt8]) -> [UInt8]

/// What a command did.
public enum Effect: String, Hashable, Sendable, Codable {
    case changed
    /// The state changed in a way that cannot matter, such as blanks at a line's end.
    case cosmetic
    case unchanged
    /// The episode is over.
    case done
}

/// How far apart two states are.
public struct StateDifference: Hashable, Sendable {
    /// In the tool's own unit, such as characters to edit.
    public var distance: Int
    /// Commands of the shortest way from one to the other.
    public var commands: Int

    public init(distance: Int, commands: Int) {
        self.distance = distance
        self.commands = commands
    }
}

/// Why a command cannot be read or carried out, as a sentence that its writer can act upon.
public struct CommandFault: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String
    /// Whether the command is ill-formed in every state. The paper charges 0.5 for these.
    public var isMalformed: Bool

    public init(_ description: String, isMalformed: Bool) {
        self.description = description
        self.isMalformed = isMalformed
    }
}

extension Tool {
    public static var turns: Int { 10 }
    public static func examples(_ style: PromptStyle) -> [ChatMessage] { [] }
    public static func tasks(_ set: String, split: TaskSplit) throws -> [any Tool]? { nil }
    public static func difference(_ first: String, _ second: String) -> StateDifference? { nil }
    public static func verb(_ command: String) -> String {
        command.split(separator: " ", maxSplits: 2).dropFirst().first.map(String.init) ?? ""
    }
    public static func teacher(
        of tasks: [any Tool], _ options: LessonOptions, in sandbox: PythonSandbox?,
        progress: @Sendable (_ checked: Int, _ of: Int) -> Void
    ) async throws -> any Teacher { ExpertTeacher(tasks: tasks, recovery: options.recovery) }

    public var solution: String? { nil }
    public var oracle: [String]? {
        var random = SeededGenerator(seed: 0)
        return expert(nil, using: &random).map { $0.map(\.text) + ["### EXIT"] }
    }
    public func expert(_ verdict: Verdict?, using random: inout SeededGenerator) -> [Step]? { nil }
    public func corrupted(using random: inout SeededGenerator) -> Self? { nil }
    /// The state after the commands of the answer, one a line, up to the first that can't be carried out.
    public func answered(_ text: String) -> Self? {
        var copy = self
        for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("###") {
            guard let command = try? copy.read(String(line)), (try? copy.apply(command)) != nil else { break }
        }
        return copy
    }
    public var draft: Draft? { nil }

    /// The first line that begins with `###`.
    public func read(_ completion: String) throws(CommandFault) -> String {
        guard let line = completion.commandLine else { throw .noCommand }
        return line
    }

    /// All commands at once, one a line.
    public func question(_ feedback: String, _ form: AnswerForm, thinks: Bool) -> [ChatMessage] {
        let request =
            (thinks ? "First think step by step in words. Then write" : "Write") + " all commands, one a line."
        return [
            ChatMessage(role: .system, content: Self.instruction),
            ChatMessage(role: .user, content: opening(feedback, .brief) + "\n" + request),
        ]
    }

    public func grade(_ completion: String) -> [String: Bool] {
        var copy = self
        return ["executable": (try? copy.apply(copy.read(completion))) != nil]
    }

    /// The task's id.
    public var id: String { task.id }

    /// The conversation up to the model's first command.
    public func messages(_ feedback: String, _ style: PromptStyle) -> [ChatMessage] {
        var messages = style.instructs ? [ChatMessage(role: .system, content: Self.instruction)] : []
        if style.showsExamples { messages += Self.examples(style) }
        messages.append(ChatMessage(role: .user, content: opening(feedback, style)))
        return messages
    }

    /// How far this state is from the solved one that is known.
    public var distanceToSolution: Int? { solution.flatMap { Self.difference(state, $0)?.distance } }
}

extension CommandFault {
    public static let noCommand = CommandFault(
        "no command: write one line that begins with \"### \"", isMalformed: true)
}

extension String {
    /// The first line that begins with `###`, without its line end.
    public var commandLine: String? {
        // Scalars, not characters: a combining mark after a line break, and CR LF, are one character to Swift.
        unicodeScalars
            .split(omittingEmptySubsequences: true) { $0 == "\n" || $0 == "\r" }
            .first { $0.starts(with: "###".unicodeScalars) }
            .map { String($0) }
    }
}
