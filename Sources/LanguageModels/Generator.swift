import Tensors
public import Tokenization

/// Generates text for many conversations at once.
///
/// Conversations advance together: in every step each active one contributes its unread tokens, be it a prompt or the
/// token sampled last, to one forward pass. One that finishes leaves the batch and can come back with more tokens; what
/// it has read stays in its cache. A conversation that begins like another one copies the common beginning.
public actor Generator {
    /// What a conversation wrote in one go.
    public struct Output: Hashable, Sendable {
        public enum Finish: Hashable, Sendable {
            /// An end token or a stop string was written.
            case stop
            /// The limit of tokens or the model's context was reached.
            case length
        }

        /// As sampled, the token that ended it included.
        public var tokens: [Int]
        /// One for each token, under the model at the sampling temperature.
        public var logProbabilities: [Float]
        public var finish: Finish
    }

    public struct ConversationID: Hashable, Sendable {
        fileprivate let number: Int
    }

    private final class Conversation {
        /// All tokens; the first `cache.count` of them are read.
        var tokens: [Int] = []
        var cache: KVCache
        var sampler: Sampler

        init(cache: KVCache, sampler: Sampler) {
            self.cache = cache
            self.sampler = sampler
        }
    }

    private struct Request {
        let id: ConversationID
        let conversation: Conversation
        let limit: Int
        let stop: StopCondition
        /// What may still be written; nil for anything.
        var grammar: (any ByteGrammar)?
        /// The tokens that end an answer: the end tokens, and stop strings that are a token.
        let ends: Set<Int>
        let observe: @Sendable (Int, Float) -> Void
        let continuation: CheckedContinuation<Output, any Error>
        var output = Output(tokens: [], logProbabilities: [], finish: .length)
        var text: [UInt8] = []
    }

    /// What ends an answer.
    public struct StopCondition: Sendable {
        public var tokens: Set<Int>
        /// Strings that end it when they appear in the text, as UTF-8.
        public var strings: [[UInt8]]

        public init(tokens: Set<Int>, strings: [String] = []) {
            self.tokens = tokens
            self.strings = strings.map { Array($0.utf8) }
        }
    }

    public nonisolated let model: CausalLM
    public nonisolated let tokenizer: Tokenizer
    private nonisolated let thread: ComputeThread
    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private var conversations: [ConversationID: Conversation] = [:]
    private var requests: [Request] = []
    private var isRunning = false
    private var nextNumber = 0
    /// Ended conversations whose beginnings may serve the next ones; the latest last.
    private var retired: [Conversation] = []
    private var statistics = Statistics()
    private let masks: TokenMasks

    /// The most conversations that advance together, and the most tokens of one prompt read in a step.
    private static let batchLimit = 64
    private static let chunkLength = 512
    private static let retiredLimit = 2
    /// Shorter common beginnings are not worth a copy.
    private static let shortestSharedPrefix = 16

    public init(model: CausalLM, tokenizer: Tokenizer, thread: ComputeThread = ComputeThread()) {
        self.model = model
        self.tokenizer = tokenizer
        self.thread = thread
        masks = TokenMasks(tokenizer, device: model.device)
    }

    /// Starts an empty conversation; end it with ``end(_:)``.
    public func begin(_ options: SamplingOptions) -> ConversationID {
        nextNumber += 1
        let id = ConversationID(number: nextNumber)
        conversations[id] = Conversation(cache: model.makeCache(), sampler: Sampler(options))
        return id
    }

    public func end(_ id: ConversationID) {
        guard let conversation = conversations.removeValue(forKey: id) else { return }
        retired.append(conversation)
        if retired.count > Self.retiredLimit { retired.removeFirst() }
    }

    /// Reads `tokens` behind what the conversation holds and writes up to `limit` tokens more.
    ///
    /// With a `grammar` only tokens are written that it allows, and an end token only where it can end. The
    /// log-probabilities are then those of the masked distribution; a token without an alternative has 0.
    ///
    /// - Parameter observe: is told of each token as it is written, and of its log-probability. It runs on the
    ///   generator's thread and must not wait.
    /// - Throws: ``LanguageModelError`` when the conversation does not fit the model's context, `CancellationError`.
    public func generate(
        _ id: ConversationID, appending tokens: [Int], limit: Int, stop: StopCondition,
        grammar: (any ByteGrammar)? = nil, observe: @escaping @Sendable (Int, Float) -> Void = { _, _ in }
    ) async throws -> Output {
        try Task.checkCancellation()
        guard let conversation = conversations[id] else { preconditionFailure("the conversation has ended") }
        let total = conversation.tokens.count + tokens.count
        guard total < model.configuration.contextLength else {
            throw LanguageModelError(
                .contextFull,
                "The conversation has \(total) tokens, and the model's context of \(model.configuration.contextLength) "
                    + "leaves no room for an answer.")
        }
        conversation.tokens += tokens
        precondition(conversation.tokens.count > conversation.cache.count, "there is nothing to answer")
        let stopTokens = stop.strings.map { tokenizer.encode(String(decoding: $0, as: UTF8.self)) }
        let ends = stop.tokens.union(stopTokens.compactMap { $0.count == 1 ? $0[0] : nil })
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                requests.append(
                    Request(
                        id: id, conversation: conversation, limit: limit, stop: stop, grammar: grammar,
                        ends: ends, observe: observe, continuation: continuation))
                guard !isRunning else { return }
                isRunning = true
                Task { await run() }
            }
        } onCancel: {
            Task { await cancel(id) }
        }
    }

    private func cancel(_ id: ConversationID) {
        guard let index = requests.firstIndex(where: { $0.id == id }) else { return }
        requests.remove(at: index).continuation.resume(throwing: CancellationError())
    }

    private func run() async {
        while !requests.isEmpty {
            do {
                try step()
            } catch {
                // One failure (memory, say) is everybody's: all share the forward pass.
                for request in requests { request.continuation.resume(throwing: error) }
                requests = []
            }
            // Lets conversations that became ready join.
            await Task.yield()
        }
        isRunning = false
    }

    private func step() throws {
        let clock = ContinuousClock()
        let start = clock.now
        var batch: [Int] = []
        for index in requests.indices.prefix(Self.batchLimit) where try sharePrefix(of: index) { batch.append(index) }
        let segments = batch.map { index in
            let conversation = requests[index].conversation
            let unread = conversation.tokens[conversation.cache.count...].prefix(Self.chunkLength)
            return CausalLM.Segment(tokens: Array(unread), cache: conversation.cache)
        }
        let logits = try model.logits(segments)

        var finished: [Int] = []
        for (row, index) in batch.enumerated()
        where requests[index].conversation.cache.count == requests[index].conversation.tokens.count {
            let row = try logits.narrowed(0, row..<row + 1).reshaped([-1])
            if try advance(&requests[index], row) { finished.append(index) }
        }
        statistics.record(segments.map(\.tokens.count), seconds: start.duration(to: clock.now))
        for index in finished.reversed() {
            let request = requests.remove(at: index)
            request.continuation.resume(returning: request.output)
        }
    }

    /// Samples a token, and adds those that the grammar then forces; true when the answer is complete.
    private func advance(_ request: inout Request, _ logits: Tensor) throws -> Bool {
        guard let grammar = request.grammar else {
            let (token, logProbability) = try request.conversation.sampler.sample(logits)
            return append(token, logProbability, to: &request)
        }
        let mask = try masks.mask(grammar, ends: request.ends)
        let (index, logProbability) = try request.conversation.sampler.sample(logits.selected(0, mask.index))
        if append(mask.tokens[index], logProbability, to: &request) { return true }
        while let grammar = request.grammar, let forced = try masks.mask(grammar, ends: request.ends).onlyToken {
            if append(forced, 0, to: &request) { return true }
        }
        return false
    }

    /// Adds a token to the answer; true when that completes it.
    private func append(_ token: Int, _ logProbability: Float, to request: inout Request) -> Bool {
        request.conversation.tokens.append(token)
        request.output.tokens.append(token)
        request.output.logProbabilities.append(logProbability)
        request.observe(token, logProbability)
        let bytes = tokenizer.bytes(of: token)
        request.text += bytes
        if request.stop.tokens.contains(token) || request.stop.strings.contains(where: request.text.contains(_:)) {
            request.output.finish = .stop
            return true
        }
        request.grammar = request.grammar?.advanced(by: bytes)
        return request.output.tokens.count >= request.limit
            || request.conversation.tokens.count >= model.configuration.contextLength
    }

    /// Gives a fresh conversation the longest beginning that another one has read already. False when a conversation
    /// in the batch is about to read a longer one, so that waiting a step saves reading it twice.
    private func sharePrefix(of index: Int) throws -> Bool {
        let conversation = requests[index].conversation
        guard conversation.cache.count == 0 else { return true }
        let others = retired + conversations.values.filter { $0 !== conversation }
        // The last token must be read anyway, for its logits.
        let mine = conversation.tokens.dropLast()
        func common(_ other: Conversation, _ count: Int) -> Int {
            zip(mine, other.tokens[..<count]).prefix(while: ==).count
        }
        let best = others.map { ($0, common($0, $0.cache.count)) }.max { $0.1 < $1.1 }
        let shared = best?.1 ?? 0
        let earlier = requests[..<index].map(\.conversation)
        let promised = earlier.map { common($0, $0.tokens.count) }.max() ?? 0
        if promised >= shared + Self.shortestSharedPrefix { return false }
        if let donor = best?.0, shared >= Self.shortestSharedPrefix {
            conversation.cache = try donor.cache.prefix(shared)
        }
        return true
    }
}

extension [UInt8] {
    fileprivate func contains(_ other: [UInt8]) -> Bool {
        guard !other.isEmpty, count >= other.count else { return false }
        return indices.dropLast(other.count - 1).contains { self[$0...].starts(with: other) }
    }
}

// MARK: Statistics

extension Generator {
    /// What the generator has done since its start.
    public struct Statistics: Hashable, Sendable {
        /// Tokens read as part of prompts, and in steps that read no prompt, tokens sampled.
        public private(set) var promptTokens = 0
        public private(set) var decodedTokens = 0
        /// Seconds in steps that read a prompt, and in steps of single tokens only.
        public private(set) var promptSeconds = 0.0
        public private(set) var decodeSeconds = 0.0

        mutating func record(_ counts: [Int], seconds duration: Duration) {
            let seconds = duration / .seconds(1)
            if counts.contains(where: { $0 > 1 }) {
                promptTokens += counts.reduce(0, +)
                promptSeconds += seconds
            } else {
                decodedTokens += counts.count
                decodeSeconds += seconds
            }
        }
    }

    public var currentStatistics: Statistics { statistics }
}
