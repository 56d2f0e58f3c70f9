public import LineEditor

/// Who plays: anything that continues a conversation, such as a local model, a server, or a script.
public protocol Policy: Sendable {
    /// The name under which traces record the player.
    var name: String { get }

    /// Begins one conversation; sessions of one policy run at the same time.
    ///
    /// - Parameters:
    ///   - messages: what is said before the assistant's first message.
    ///   - maxTokens: the most tokens of one completion.
    /// - Throws: ``PolicyError`` with code `contextFull` when the messages don't fit; this is an outcome of the
    ///   episode. Every other error ends the run.
    func beginSession(
        messages: [ChatMessage], sampling: SamplingParameters, maxTokens: Int
    ) async throws -> any PolicySession
}

/// One conversation. Its calls come one after the other.
public protocol PolicySession: Sendable {
    /// Writes the assistant's next message. Errors as in ``Policy/beginSession(messages:sampling:maxTokens:)``.
    ///
    /// - Parameter grammar: what may be written, for policies that can hold themselves to it; nil for anything.
    func respond(within grammar: CommandGrammar?) async throws -> Completion

    /// Appends the environment's answer as a user message.
    func append(_ message: ChatMessage) async throws

    /// Frees what the conversation holds. Called exactly once, whatever went before.
    func end() async
}

/// What a policy wrote in one turn, token by token as far as it knows its tokens.
public struct Completion: Hashable, Sendable, Codable {
    public enum Finish: String, Hashable, Sendable, Codable {
        /// The model ended its message, or wrote a stop string.
        case stop
        /// The message was cut at the limit of tokens.
        case length
    }

    /// The message without stop strings and control tokens.
    public var text: String
    /// The ids that the context grew by since the last completion: the prompt, or the environment's answer.
    public var promptTokenIDs: [Int]
    /// The ids written, the one that ended the message included.
    public var tokenIDs: [Int]
    /// The log-probability (natural) of each written id under the distribution it was drawn from.
    public var logProbabilities: [Float]
    public var finish: Finish
    /// How often it was drawn anew (``CommandGrammar/redraws``); nil for never.
    public var redraws: Int?
    /// What a server says that the message cost; nil where the ids tell.
    public var usage: TokenUsage?

    public init(
        text: String, promptTokenIDs: [Int] = [], tokenIDs: [Int] = [], logProbabilities: [Float] = [],
        finish: Finish = .stop, redraws: Int? = nil, usage: TokenUsage? = nil
    ) {
        self.text = text
        self.promptTokenIDs = promptTokenIDs
        self.tokenIDs = tokenIDs
        self.logProbabilities = logProbabilities
        self.finish = finish
        self.redraws = redraws
        self.usage = usage
    }
}

/// What a server counts for one answer.
public struct TokenUsage: Hashable, Sendable, Codable {
    /// Tokens of the whole conversation so far; 0 where the server does not say.
    public var promptTokens: Int
    /// Tokens written.
    public var completionTokens: Int

    public init(promptTokens: Int, completionTokens: Int) {
        self.promptTokens = promptTokens
        self.completionTokens = completionTokens
    }
}

/// How tokens are drawn.
public struct SamplingParameters: Hashable, Sendable, Codable {
    /// 0 takes the likeliest token.
    public var temperature: Double
    public var topP: Double
    public var minP: Double
    /// The same seed draws the same tokens.
    public var seed: UInt64
    /// A completion ends before the first of these.
    public var stop: [String]

    public init(temperature: Double = 0, topP: Double = 1, minP: Double = 0, seed: UInt64 = 0, stop: [String] = []) {
        self.temperature = temperature
        self.topP = topP
        self.minP = minP
        self.seed = seed
        self.stop = stop
    }
}

/// Why a policy can't go on, as a full sentence.
public struct PolicyError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable {
        /// The conversation no longer fits the model. The episode ends; the run goes on.
        case contextFull
        /// There is no player: no model, no server, a file that is missing or foreign.
        case unavailable
    }

    public var code: Code
    public var description: String

    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
