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
        /// How often an answer that the grammar excluded was drawn anew, and the tokens of those thrown away.
        public var redraws = 0
        public var discardedTokens = 0
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
        /// What may be written; nil for anything.
        let start: (any ByteGrammar)?
        /// How often it may be drawn anew.
        let redraws: Int
        /// What may still be written.
        var grammar: (any ByteGrammar)?
        let drafts: (any DraftSource)?
        /// The tokens that end an answer: the end tokens, and stop strings that are a token.
        let ends: Set<Int>
        let observe: @Sendable (Int, Float) -> Void
        let continuation: CheckedContinuation<Output, any Error>
        var output = Output(tokens: [], logProbabilities: [], finish: .length)
        var text: [UInt8] = []

        /// Whether the answer may end as one that the grammar excludes.
        var canBeDrawnAnew: Bool { output.redraws < redraws }

        /// Begins the answer.
        mutating func begin() {
            text = []
            grammar = canBeDrawnAnew ? start?.admittingExcluded : start
        }
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

        /// The tokens that end an answer.
        func ends(_ tokenizer: Tokenizer) -> Set<Int> {
            let texts = strings.map { tokenizer.encode(String(decoding: $0, as: UTF8.self)) }
            return tokens.union(texts.compactMap { $0.count == 1 ? $0[0] : nil })
        }
    }

    public nonisolated let model: CausalLM
    public nonisolated let tokenizer: Tokenizer
    private nonisolated let thread: ComputeThread
    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private var conversations: [ConversationID: Conversation] = [:]
    private var requests: [Request] = []
    private var isRunning = false
    /// Requests that are waited for before any is served.
    private var awaited = 0
    private var nextNumber = 0
    /// Ended conversations whose beginnings may serve the next ones; the latest last.
    private var retired: [Conversation] = []
    private var statistics = Statistics()
    private let masks: TokenMasks

    /// The most conversations that advance together, and the most tokens of one prompt read in a step.
    private static let batchLimit = 64
    private static let chunkLength = 512
    /// The most tokens of all conversations in a step: what they need in memory grows with them.
    private static let stepLength = 1024
    /// The most tokens of one draft, and roughly of all: a few rows more cost little while the weights' way from memory
    /// is what takes the time.
    private static let (draftLength, draftedRows) = (12, 64)
    private static let retiredLimit = 2
    /// The least temperature at which an excluded answer is drawn anew: the likeliest tokens would give it again.
    public static let redrawTemperature = 0.7
    /// Shorter common beginnings are not worth a copy.
    private static let shortestSharedPrefix = 16

    public init(model: CausalLM, tokenizer: Tokenizer, thread: ComputeThread = ComputeThread()) {
        self.model = model
        self.tokenizer = tokenizer
        self.thread = thread
        masks = TokenMasks(tokenizer)
    }

    /// Starts an empty conversation; end it with ``end(_:)``.
    public func begin(_ options: SamplingOptions) -> ConversationID {
        nextNumber += 1
        let id = ConversationID(number: nextNumber)
        conversations[id] = Conversation(cache: model.makeCache(), sampler: Sampler(options))
        return id
    }

    /// Serves the next `count` requests only when all have come, in the order of their conversations: what is computed
    /// then does not depend on which came first, and the same seeds give the same tokens to the last bit.
    public func gather(_ count: Int) {
        awaited = count
    }

    private func serve() {
        guard !isRunning, !requests.isEmpty, requests.count >= awaited else { return }
        requests.sort { $0.id.number < $1.id.number }
        awaited = 0
        isRunning = true
        Task { await run() }
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
    /// A grammar may find only at its end that an answer is excluded. Masking that end makes the model go on with what it
    /// did not want to say; so the whole answer is drawn anew up to `redraws` times, at a temperature of 0.7 at least, and
    /// the end is masked only then. The log-probabilities are those of the last draw alone.
    ///
    /// `drafts` make it faster and change nothing else.
    ///
    /// - Parameter observe: is told of each token as it is written, and of its log-probability. It runs on the
    ///   generator's thread and must not wait.
    /// - Throws: ``LanguageModelError`` when the conversation does not fit the model's context, `CancellationError`.
    public func generate(
        _ id: ConversationID, appending tokens: [Int], limit: Int, stop: StopCondition,
        grammar: (any ByteGrammar)? = nil, redraws: Int = 0, drafts: (any DraftSource)? = nil,
        observe: @escaping @Sendable (Int, Float) -> Void = { _, _ in }
    ) async throws -> Output {
        try Task.checkCancellation()
        guard let conversation = conversations[id] else { preconditionFailure("the conversation has ended") }
        let total = conversation.tokens.count + tokens.count
        guard total < model.configuration.contextLength else {
            // One less to wait for.
            awaited = max(0, awaited - 1)
            serve()
            throw LanguageModelError(
                .contextFull,
                "The conversation has \(total) tokens, and the model's context of \(model.configuration.contextLength) "
                    + "leaves no room for an answer.")
        }
        conversation.tokens += tokens
        precondition(conversation.tokens.count > conversation.cache.count, "there is nothing to answer")
        let ends = stop.ends(tokenizer)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                var request = Request(
                    id: id, conversation: conversation, limit: limit, stop: stop, start: grammar, redraws: redraws,
                    drafts: drafts, ends: ends, observe: observe, continuation: continuation)
                request.begin()
                requests.append(request)
                serve()
            }
        } onCancel: {
            Task { await cancel(id) }
        }
    }

    private func cancel(_ id: ConversationID) {
        guard let index = requests.firstIndex(where: { $0.id == id }) else { return }
        requests.remove(at: index).continuation.resume(throwing: CancellationError())
        awaited = max(0, awaited - 1)
        serve()
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

    /// What one conversation does in a step.
    private struct Part {
        /// Its place in ``requests``.
        let index: Int
        /// What it is expected to write next, read together with what it has not read yet.
        var draft: [Int] = []
        /// For each position whose logits are looked at, the choice there, and the sampler behind it; no choice where
        /// the grammar leaves only one token.
        var choices: [TokenChoice?] = []
        var samplers: [Sampler] = []
    }

    private func step() throws {
        let clock = ContinuousClock()
        let start = clock.now
        var parts: [Part] = []
        var segments: [CausalLM.Segment] = []
        var room = Self.stepLength
        let active = min(requests.count, Self.batchLimit)
        for index in requests.indices.prefix(Self.batchLimit) where room > 0 {
            guard try sharePrefix(of: index) else { continue }
            let conversation = requests[index].conversation
            let unread = conversation.tokens[conversation.cache.count...].prefix(min(Self.chunkLength, room))
            room -= unread.count
            var part = Part(index: index)
            var segment = CausalLM.Segment(tokens: Array(unread), cache: conversation.cache, outputCount: 0)
            // The logits inside a long prompt are not looked at.
            if conversation.cache.count + unread.count == conversation.tokens.count {
                let limit = min(room, Self.draftLength, Self.draftedRows / active)
                model.clock.measure(\.sampling) { plan(&part, draftLimit: limit) }
                segment.tokens += part.draft
                segment.outputCount = part.draft.count + 1
            }
            parts.append(part)
            segments.append(segment)
        }
        let logits = try model.logits(segments)

        let rows = parts.flatMap(\.choices)
        let chosen = try model.clock.measure(\.sampling) {
            try rows.isEmpty ? [] : logits.chosen(rows.map { $0 ?? TokenChoice(temperature: 0, uniform: 0) })
        }
        var row = 0
        var finished: [Int] = []
        for part in parts {
            let results = chosen[row..<row + part.choices.count]
            row += part.choices.count
            if !results.isEmpty, take(part, Array(results)), !drawAnew(&requests[part.index]) {
                finished.append(part.index)
            }
        }
        statistics.record(
            zip(parts, segments).map { $1.tokens.count - $0.draft.count },
            drafted: parts.reduce(0) { $0 + $1.draft.count }, seconds: start.duration(to: clock.now))
        for index in finished.reversed() {
            let request = requests.remove(at: index)
            request.continuation.resume(returning: request.output)
        }
    }

    /// Drafts what a conversation may write, and decides how each token is chosen should the draft come true so far.
    ///
    /// A drafted token is kept only if it is the one that is chosen in its place, with the random number that this place
    /// would have got anyway: what is written is the same with and without drafts.
    private func plan(_ part: inout Part, draftLimit: Int) {
        let request = requests[part.index]
        let conversation = request.conversation
        var draft: [Int] = []
        let open = min(
            draftLimit, request.limit - request.output.tokens.count - 1,
            model.configuration.contextLength - conversation.tokens.count)
        if open > 0, let source = request.drafts {
            draft = Array(
                tokenizer.encode(String(decoding: source.continuation(of: request.text), as: UTF8.self)).prefix(open))
        }
        var grammar = request.grammar
        var sampler = conversation.sampler
        // When the last redraw is spent it is as if there had been none.
        let isRedrawn = request.output.redraws > 0 && request.canBeDrawnAnew
        let temperature = max(isRedrawn ? Self.redrawTemperature : 0, sampler.options.temperature)
        for place in 0...draft.count {
            let mask = grammar.map { allowed($0, request) }
            // Behind a chosen token, what is forced is not chosen.
            if place > 0, let mask, mask.count == 1 {
                part.choices.append(nil)
            } else {
                part.choices.append(sampler.next(allowed: mask, temperature: temperature))
            }
            part.samplers.append(sampler)
            guard place < draft.count else { break }
            if let state = grammar {
                guard let next = state.advanced(by: tokenizer.bytes(of: draft[place])) else { break }
                grammar = next
            }
            part.draft.append(draft[place])
        }
    }

    /// Adds the chosen tokens as far as the draft foresaw them; true when the answer is complete.
    private func take(_ part: Part, _ results: [(token: Int, logProbability: Float)]) -> Bool {
        let conversation = requests[part.index].conversation
        let read = conversation.tokens.count
        var isComplete = false
        for (place, result) in results.enumerated() {
            if part.choices[place] != nil {
                conversation.sampler = part.samplers[place]
                isComplete = advance(&requests[part.index], result.token, result.logProbability)
            }
            // The next place counts if all tokens before it are those that were written.
            let written = conversation.tokens[read...]
            let foreseen = part.draft.prefix(place + 1)
            if isComplete || foreseen.count <= place || written.count <= place
                || !written.prefix(place + 1).elementsEqual(foreseen)
            {
                break
            }
        }
        // What was read of the draft but not written is forgotten.
        let accepted = zip(part.draft, conversation.tokens[read...]).prefix { $0 == $1 }.count
        conversation.cache.truncate(to: read + accepted)
        statistics.accept(accepted)
        return isComplete
    }

    /// Adds a sampled token, and those that the grammar then forces; true when the answer is complete.
    private func advance(_ request: inout Request, _ token: Int, _ logProbability: Float) -> Bool {
        if append(token, logProbability, to: &request) { return true }
        while let grammar = request.grammar {
            let mask = allowed(grammar, request)
            guard mask.count == 1 else { break }
            if append(mask[0], 0, to: &request) { return true }
        }
        return false
    }

    private func allowed(_ grammar: some ByteGrammar, _ request: Request) -> TokenList {
        masks.mask(grammar, ends: request.ends)
    }

    /// Takes an answer back that the grammar excludes; false where it may stand.
    private func drawAnew(_ request: inout Request) -> Bool {
        guard request.output.finish == .stop, request.canBeDrawnAnew, request.grammar?.isExcluded == true else {
            return false
        }
        let conversation = request.conversation
        let discarded = request.output.tokens.count
        conversation.tokens.removeLast(discarded)
        // The last token before the answer is read again, for its logits.
        conversation.cache.truncate(to: min(conversation.cache.count, conversation.tokens.count - 1))
        request.output = Output(
            tokens: [], logProbabilities: [], finish: .length, redraws: request.output.redraws + 1,
            discardedTokens: request.output.discardedTokens + discarded)
        request.begin()
        return true
    }

    /// Adds a token to the answer; true when that completes it.
    private func append(_ token: Int, _ logProbability: Float, to request: inout Request) -> Bool {
        request.conversation.tokens.append(token)
        request.output.tokens.append(token)
        request.output.logProbabilities.append(logProbability)
        request.observe(token, logProbability)
        let bytes = tokenizer.bytes(of: token)
        request.text += bytes
        // Only what is new can have made a stop string whole.
        let text = request.text
        let isStopped = request.stop.strings.contains { text.suffix(bytes.count + $0.count - 1).contains($0) }
        if isStopped || request.stop.tokens.contains(token) {
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
        // In a fixed order, so that of equal ones always the same is chosen.
        let others =
            retired
            + conversations.sorted { $0.key.number < $1.key.number }.map(\.value)
            .filter { $0 !== conversation }
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
            conversation.cache = donor.cache.prefix(shared)
        }
        return true
    }
}

extension ArraySlice<UInt8> {
    fileprivate func contains(_ other: [UInt8]) -> Bool { !other.isEmpty && firstRange(of: other) != nil }
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
        /// Tokens that were drafted, and those of them that were then written.
        public private(set) var draftedTokens = 0
        public private(set) var acceptedTokens = 0
        /// Forward passes.
        public private(set) var steps = 0

        mutating func accept(_ count: Int) { acceptedTokens += count }

        mutating func record(_ counts: [Int], drafted: Int, seconds duration: Duration) {
            steps += 1
            draftedTokens += drafted
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

    /// Threads of one operation, on the generator's own thread.
    public func setThreadCount(_ count: Int) throws { try Engine.setThreadCount(count) }

    public var currentStatistics: Statistics { statistics }
}
