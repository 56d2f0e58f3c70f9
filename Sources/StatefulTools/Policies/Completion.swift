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
    /// The natural log-probability of each written id under the distribution it was drawn from.
    public var logProbabilities: [Float]
    public var finish: Finish
    /// How often the answer was resampled (``Guidance/resamples``); nil for never.
    public var resamples: Int?
    /// The cost of the message as a server counts it; nil where the ids tell.
    public var usage: TokenUsage?

    public init(
        text: String, promptTokenIDs: [Int] = [], tokenIDs: [Int] = [], logProbabilities: [Float] = [],
        finish: Finish = .stop, resamples: Int? = nil, usage: TokenUsage? = nil
    ) {
        self.text = text
        self.promptTokenIDs = promptTokenIDs
        self.tokenIDs = tokenIDs
        self.logProbabilities = logProbabilities
        self.finish = finish
        self.resamples = resamples
        self.usage = usage
    }

    /// Tokens written.
    public var tokenCount: Int { usage?.completionTokens ?? tokenIDs.count }
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
