public import Episodes
import Foundation
import LineEditor

/// A language model behind an OpenAI-compatible server as the player: llama.cpp, vLLM, SGLang, or `coe serve model`.
///
/// Each turn is one streamed chat completion without tools. What fails for a moment (a busy server, a broken
/// connection) is tried again, later and later, with the same seed. Token ids and log-probabilities are asked for and
/// recorded where the server gives both; a server that refuses to be asked is asked without from then on.
///
/// Masking by a grammar is not asked for: there is no common way to say it.
public struct RemotePolicy: Policy {
    /// How a server is asked.
    public struct Options: Hashable, Sendable {
        /// Requests at the same time.
        public var concurrency: Int
        /// Seconds for one answer, its queue at the server included.
        public var timeoutSeconds: Double
        /// Further attempts after one that failed for a moment.
        public var retries: Int
        /// Seconds before the first of them; each later pause is twice as long, and all vary by half.
        public var pauseSeconds: Double

        public init(
            concurrency: Int = 16, timeoutSeconds: Double = 300, retries: Int = 6, pauseSeconds: Double = 0.5
        ) {
            self.concurrency = concurrency
            self.timeoutSeconds = timeoutSeconds
            self.retries = retries
            self.pauseSeconds = pauseSeconds
        }
    }

    public let name: String
    let client: ChatClient

    /// - Parameters:
    ///   - specification: `URL#MODEL`, such as `http://127.0.0.1:8080/v1#smollm2`; the path `/v1` may be left out, and
    ///     the model too where the server has but one.
    ///   - key: sent as `Authorization: Bearer`.
    public init(_ specification: String, key: String? = nil, options: Options = Options()) throws(PolicyError) {
        let parts = specification.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        guard let url = URL(string: String(parts[0])), let scheme = url.scheme, ["http", "https"].contains(scheme),
            url.host != nil
        else {
            throw PolicyError(
                .unavailable,
                "\(specification) names no server: write openai:URL#MODEL, for example "
                    + "openai:http://127.0.0.1:8080/v1#smollm2-135m.")
        }
        var base = String(parts[0])
        while base.hasSuffix("/") { base.removeLast() }
        if url.path.isEmpty || url.path == "/" { base += "/v1" }
        let model = parts.count > 1 && !parts[1].isEmpty ? String(parts[1]) : "default"
        name = "openai:\(model)"
        client = ChatClient(url: base + "/chat/completions", model: model, key: key, options: options)
    }

    public func beginSession(
        messages: [ChatMessage], sampling: SamplingParameters, maxTokens: Int
    ) async throws -> any PolicySession {
        RemoteSession(client: client, messages: messages, sampling: sampling, maxTokens: maxTokens)
    }
}

/// One conversation; the server keeps nothing, so each turn sends all of it.
actor RemoteSession: PolicySession {
    private let client: ChatClient
    private var messages: [ChatMessage]
    private let sampling: SamplingParameters
    private let maxTokens: Int
    /// The ids that the server has seen as far as they are known, to tell what each turn adds.
    private var context: [Int] = []
    private var turn: UInt64 = 0

    init(client: ChatClient, messages: [ChatMessage], sampling: SamplingParameters, maxTokens: Int) {
        self.client = client
        self.messages = messages
        self.sampling = sampling
        self.maxTokens = maxTokens
    }

    func respond(within grammar: CommandGrammar?) async throws -> Completion {
        var sampling = sampling
        // The same seed again in every turn would draw the same numbers again.
        sampling.seed = (sampling.seed &+ turn &* 0x9E37_79B9_7F4A_7C15) >> 33
        turn += 1
        let answer = try await client.complete(messages, sampling: sampling, maxTokens: maxTokens)
        messages.append(ChatMessage(role: .assistant, content: answer.text))
        var completion = Completion(text: answer.text, finish: answer.finish, usage: answer.usage)
        // Ids belong to one sequence only when this prompt continues the last; a server that wrote the history in
        // other tokens breaks it.
        if let prompt = answer.promptTokenIDs, prompt.starts(with: context), !answer.tokenIDs.isEmpty,
            answer.tokenIDs.count == answer.logProbabilities.count
        {
            completion.promptTokenIDs = Array(prompt[context.count...])
            completion.tokenIDs = answer.tokenIDs
            completion.logProbabilities = answer.logProbabilities
            context = prompt + answer.tokenIDs
        }
        return completion
    }

    func append(_ message: ChatMessage) { messages.append(message) }

    func end() {}
}
