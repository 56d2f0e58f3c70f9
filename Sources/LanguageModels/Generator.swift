public import Tokenization

/// Generates text for many conversations at once.
///
/// Conversations advance together: in every step each active one contributes its unread tokens, be it a prompt or the
/// token sampled last, to one forward pass. One that finishes leaves the batch and can come back with more tokens; its
/// cache keeps the tokens that it has read. A conversation that begins like another one shares their prefix.
public actor Generator {
    /// A conversation of one generator.
    public struct ConversationID: Hashable, Sendable {
        let number: Int
    }

    /// The model that writes.
    public nonisolated let model: CausalLM
    /// The tokenizer of the model.
    public nonisolated let tokenizer: Tokenizer
    private nonisolated let thread: ComputeThread
    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    var conversations: [ConversationID: Conversation] = [:]
    var requests: [Request] = []
    private var isRunning = false
    /// The number of requests to wait for before any is served.
    private var awaited = 0
    private var nextNumber = 0
    /// Ended conversations whose prefixes may serve the next ones; the latest last.
    private(set) var retired: [Conversation] = []
    var statistics = Statistics()
    let masks: TokenMasks

    private static let retiredLimit = 2
    /// The most pages of all caches; nil for no limit.
    let pageLimit: Int?
    /// The least temperature at which an excluded answer is resampled: the likeliest tokens would give it again.
    public static let resampleTemperature = 0.7

    /// - Parameters:
    ///   - cacheBytes: The most memory for keys and values, but at least that of one conversation as long as the model's
    ///     context; nil for no limit. When it is full, the oldest answers go on, and others are read again later.
    ///   - thread: The thread of all its forward passes.
    public init(
        model: CausalLM, tokenizer: Tokenizer, cacheBytes: Int? = nil, thread: ComputeThread = ComputeThread()
    ) {
        pageLimit = cacheBytes.map { bytes in
            max(bytes / model.makeCache().bytesPerPage, KVCache.pageCount(model.configuration.contextLength) + 2)
        }
        self.model = model
        self.tokenizer = tokenizer
        self.thread = thread
        masks = TokenMasks(tokenizer, rows: model.configuration.vocabularySize)
    }

    /// Starts an empty conversation; end it with ``end(_:)``.
    public func begin(_ options: SamplingOptions) -> ConversationID {
        nextNumber += 1
        let id = ConversationID(number: nextNumber)
        conversations[id] = Conversation(cache: model.makeCache(), sampler: Sampler(options))
        return id
    }

    /// Ends a conversation; an unknown one is ignored.
    public func end(_ id: ConversationID) {
        guard let conversation = conversations.removeValue(forKey: id) else { return }
        retired.append(conversation)
        if retired.count > Self.retiredLimit { retired.removeFirst() }
    }

    /// Forgets the oldest ended conversation; false where there is none.
    func dropRetired() -> Bool {
        if retired.isEmpty { return false }
        retired.removeFirst()
        return true
    }

    /// Serves the next `count` requests only when all have come, in the order of their conversations: the computation
    /// then does not depend on the order of arrival, and the same seeds give the same tokens to the last bit.
    public func gather(_ count: Int) {
        awaited = count
    }

    /// Reads `tokens` behind the conversation's own and writes up to `limit` tokens more.
    ///
    /// With a `grammar` the model writes only tokens that it allows, and an end token only where the text can end. The
    /// log-probabilities then belong to the masked distribution; a token without an alternative has 0.
    ///
    /// A grammar may find only at its end that an answer is excluded. A mask on that end would make the model go on with
    /// an answer that it did not mean; so the generator resamples the whole answer up to `resamples` times, at least at
    /// ``resampleTemperature``, and masks the end only then. The log-probabilities belong to the last sample.
    ///
    /// - Parameters:
    ///   - draft: Makes the answer faster and changes nothing else.
    ///   - observe: Gets each token as it is written, and its log-probability. It runs on the generator's thread and must
    ///     not wait.
    /// - Throws: ``LanguageModelError`` when the conversation does not fit the model's context, `CancellationError`.
    public func generate(
        _ id: ConversationID, appending tokens: [Int], limit: Int, stop: StopCondition,
        grammar: (any ByteGrammar)? = nil, resamples: Int = 0, draft: Draft? = nil,
        observe: @escaping @Sendable (Int, Float) -> Void = { _, _ in }
    ) async throws -> Output {
        try Task.checkCancellation()
        guard let conversation = conversations[id] else { preconditionFailure("the conversation has ended") }
        let total = conversation.tokens.count + tokens.count
        guard total < model.configuration.contextLength else {
            awaitOneLess()
            throw LanguageModelError(
                .contextFull,
                "The conversation has \(total) tokens, and the model's context of \(model.configuration.contextLength) "
                    + "leaves no room for an answer.")
        }
        let rows = model.configuration.vocabularySize
        if let foreign = tokens.first(where: { !(0..<rows).contains($0) }) {
            awaitOneLess()
            throw LanguageModelError(
                .tokenOutsideModel,
                "The token \(foreign)\(name(of: foreign)) has no embedding: the model has \(rows), and its tokenizer knows "
                    + "\(tokenizer.count) tokens.")
        }
        conversation.tokens += tokens
        precondition(conversation.tokens.count > conversation.cache.count, "there is nothing to answer")
        let rules = Rules(
            limit: limit, stop: stop, ends: stop.ends(tokenizer).filter { $0 < model.configuration.vocabularySize },
            grammar: grammar, resamples: resamples, draft: draft)
        let cancellation = Cancellation()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                requests.append(
                    Request(
                        id, conversation, rules, observe: observe, continuation: continuation,
                        cancellation: cancellation))
                serve()
            }
        } onCancel: {
            cancellation.request()
            Task { await cancel(cancellation) }
        }
    }

    private func name(of token: Int) -> String {
        tokenizer.vocabulary.tokens.indices.contains(token) ? " (\(tokenizer.vocabulary.tokens[token]))" : ""
    }

    private func cancel(_ cancellation: Cancellation) {
        guard let index = requests.firstIndex(where: { $0.cancellation === cancellation }) else { return }
        requests.remove(at: index).continuation.resume(throwing: CancellationError())
        awaitOneLess()
    }

    private func awaitOneLess() {
        awaited = max(0, awaited - 1)
        serve()
    }

    private func serve() {
        guard !isRunning, !requests.isEmpty, requests.count >= awaited else { return }
        requests.sort { $0.id.number < $1.id.number }
        awaited = 0
        isRunning = true
        Task { await run() }
    }

    private func run() async {
        while !requests.isEmpty {
            do {
                try step()
            } catch is CancellationError {
                // Nobody waits for what this pass read; others may have come meanwhile.
                for request in requests where request.cancellation.isRequested {
                    request.continuation.resume(throwing: CancellationError())
                    awaited = max(0, awaited - 1)
                }
                requests.removeAll(where: \.cancellation.isRequested)
            } catch {
                // One failure (memory, say) is everybody's, since all share the forward pass; what is one conversation's
                // own fault is found before and behind it.
                for request in requests { request.continuation.resume(throwing: error) }
                requests = []
            }
            // Lets conversations that became ready join.
            await Task.yield()
        }
        isRunning = false
    }
}
