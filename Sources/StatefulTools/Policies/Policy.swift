/// Who plays: anything that continues a conversation, such as a local model, a server or a script.
public protocol Policy: Sendable {
    /// The name under which traces record the player.
    var name: String { get }

    /// Begins one conversation; sessions of one policy run at the same time.
    ///
    /// - Parameters:
    ///   - messages: what is said before the assistant's first message.
    ///   - sampling: how its tokens are chosen.
    ///   - maxTokens: the most tokens of one completion.
    /// - Throws: ``PolicyError`` with code `contextFull` when the messages don't fit; this is an outcome of the
    ///   episode. Every other error ends the run.
    func beginSession(
        messages: [ChatMessage], sampling: SamplingParameters, maxTokens: Int
    ) async throws -> any PolicySession

    /// Announces that `count` sessions will be asked together, so that a batch can wait for the last of them.
    func gather(_ count: Int) async
}

extension Policy {
    public func gather(_ count: Int) async {}
}

/// One conversation. Its calls come one after the other.
public protocol PolicySession: Sendable {
    /// Writes the assistant's next message. Errors as in ``Policy/beginSession(messages:sampling:maxTokens:)``.
    func respond(_ guidance: Guidance) async throws -> Completion

    /// Appends the environment's answer as a user message.
    func append(_ message: ChatMessage) async throws

    /// Frees what the conversation holds. Called exactly once, whatever went before.
    func end() async
}

/// What bounds and helps one answer.
public struct Guidance: Sendable {
    /// What may be written, for policies that can hold themselves to it; nil for anything.
    public var grammar: Grammar?
    /// Resamples allowed when an answer ends as an excluded command, before that end is masked.
    public var resamples: Int
    /// Guesses how the answer goes on.
    public var draft: Draft?

    public init(grammar: Grammar? = nil, resamples: Int = 0, draft: Draft? = nil) {
        self.grammar = grammar
        self.resamples = resamples
        self.draft = draft
    }

    /// Anything may be written.
    public static let free = Guidance()
}
