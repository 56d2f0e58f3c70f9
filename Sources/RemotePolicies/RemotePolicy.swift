import Foundation
import NIOCore
import NIOPosix
public import StatefulTools

/// A language model behind an OpenAI-compatible server as the player: llama.cpp, vLLM, SGLang, or `coe serve model`.
///
/// Each turn is one streamed chat completion without tools. After a passing failure (a busy server, a broken connection)
/// the policy sends the same request again, later each time. It asks for token ids and log-probabilities and records
/// them where the server gives both; when a server refuses this, the policy no longer asks.
///
/// The policy doesn't ask for masking by a grammar: servers share no way to say it.
public struct RemotePolicy: Policy {
    /// How a server is asked.
    public struct Options: Hashable, Sendable {
        /// Requests at the same time.
        public var concurrency: Int
        /// Seconds for one answer, including its wait at the server.
        public var timeoutSeconds: Double
        /// Further attempts after a passing failure.
        public var retries: Int
        /// Seconds before the first of them. Each later pause is twice as long, and all vary by half.
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
    private let client: ChatClient
    /// Where the server listens.
    private let host: String
    private let port: Int

    /// A player on a server. Nothing is sent before the first turn.
    ///
    /// - Parameters:
    ///   - specification: `URL#MODEL`, such as `http://127.0.0.1:8080/v1#smollm2`. The path `/v1` may be missing, and so
    ///     may the model where the server has only one.
    ///   - key: sent as `Authorization: Bearer`.
    /// - Throws: ``StatefulTools/PolicyError`` with code `unavailable` where the specification names no server.
    public init(_ specification: String, key: String? = nil, options: Options = Options()) throws(PolicyError) {
        let parts = specification.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        guard let url = URL(string: String(parts[0])), let scheme = url.scheme, ["http", "https"].contains(scheme),
            let host = url.host
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
        self.host = host
        port = url.port ?? (scheme == "https" ? 443 : 80)
        client = ChatClient(url: base + "/chat/completions", model: model, key: key, options: options)
    }

    /// Opens a connection and closes it, so a wrong address is known before the first of many episodes.
    ///
    /// - Throws: ``StatefulTools/PolicyError`` with code `unavailable` where nothing takes the connection in 1.5 seconds.
    public func reach() async throws {
        do {
            let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.milliseconds(1_500))
            try await bootstrap.connect(host: host, port: port).get().close()
        } catch {
            throw PolicyError(
                .unavailable, "Nothing answers at \(host):\(port): is the server running, and is the address right?")
        }
    }

    public func beginSession(
        messages: [ChatMessage], sampling: SamplingParameters, maxTokens: Int
    ) async throws -> any PolicySession {
        RemoteSession(client: client, messages: messages, sampling: sampling, maxTokens: maxTokens)
    }
}

/// One conversation. The server keeps nothing, so each turn sends all of it.
actor RemoteSession: PolicySession {
    private let client: ChatClient
    private var messages: [ChatMessage]
    private let sampling: SamplingParameters
    private let maxTokens: Int
    /// The ids that the server has seen, as far as it names them; a turn adds the rest.
    private var context: [Int] = []
    private var turn: UInt64 = 0

    init(client: ChatClient, messages: [ChatMessage], sampling: SamplingParameters, maxTokens: Int) {
        self.client = client
        self.messages = messages
        self.sampling = sampling
        self.maxTokens = maxTokens
    }

    func respond(_ guidance: Guidance) async throws -> Completion {
        var sampling = sampling
        // With one seed for all turns each turn would draw the same numbers.
        sampling.seed = (sampling.seed &+ turn &* 0x9E37_79B9_7F4A_7C15) >> 33
        turn += 1
        let answer = try await client.complete(messages, sampling: sampling, maxTokens: maxTokens)
        messages.append(ChatMessage(role: .assistant, content: answer.text))
        var completion = Completion(text: answer.text, finish: answer.finish, usage: answer.usage)
        // Ids belong to one sequence only when this prompt continues the last one. A server that writes the history in
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
