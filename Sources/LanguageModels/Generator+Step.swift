import Tensors
import Tokenization

/// One step: a forward pass over the unread tokens of all active conversations, and the tokens chosen after it.
extension Generator {
    /// The most conversations that advance together, and the most tokens of one prompt read in a step.
    static let (batchLimit, chunkLength) = (64, 512)
    /// The most tokens of all conversations in a step: the memory for activations grows with them.
    private static let stepLength = 1024
    /// The most tokens of one draft, and roughly of all: a few rows more cost little while reading the weights from memory
    /// takes the time.
    private static let (draftLength, draftedRows) = (12, 64)
    /// Shorter prefixes are not worth sharing.
    private static let shortestSharedPrefix = 16

    /// The share of one conversation in a step.
    private struct Part {
        /// Its place in ``requests``.
        let index: Int
        /// Its likely next tokens, which the model reads together with the unread ones.
        var draft: [Int] = []
        /// For each position whose logits are looked at, the choice there, and the sampler behind it; no choice where
        /// the grammar leaves only one token.
        var choices: [TokenChoice?] = []
        var samplers: [Sampler] = []
    }

    /// Reads and writes once for all active conversations; those whose answers are complete get them.
    func step() throws {
        let clock = ContinuousClock()
        let start = clock.now
        var parts: [Part] = []
        var segments: [CausalLM.Segment] = []
        let (short, long) = turns()
        var room = Self.stepLength
        var pages = heldPages
        let active = short.count + long.count
        for index in short + long where room > 0 {
            // Nobody who writes waits for more than one chunk of others' prompts.
            if index == long.first, !short.isEmpty { room = min(room, Self.chunkLength) }
            guard try sharePrefix(of: index) else { continue }
            let conversation = requests[index].conversation
            let unread = conversation.tokens[conversation.cache.count...].prefix(min(Self.chunkLength, room))
            guard makeRoom(for: index, unread.count, &pages, beside: parts.map(\.index)) else { continue }
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
        let cancellations = parts.map { requests[$0.index].cancellation }
        let logits = try model.logits(segments) {
            !cancellations.isEmpty && cancellations.allSatisfy(\.isRequested)
        }

        let rows = parts.flatMap(\.choices)
        let chosen = try model.clock.measure(\.sampling) {
            try rows.isEmpty ? [] : logits.chosen(rows.map { $0 ?? TokenChoice(temperature: 0, uniform: 0) })
        }
        var row = 0
        var finished: [Int] = []
        var failed: Set<Int> = []
        for part in parts {
            let results = chosen[row..<row + part.choices.count]
            row += part.choices.count
            if zip(part.choices, results).contains(where: { $0 != nil && $1.logProbability.isNaN }) {
                failed.insert(part.index)
                finished.append(part.index)
            } else if !results.isEmpty, take(part, Array(results)), !requests[part.index].resample() {
                finished.append(part.index)
            }
        }
        statistics.record(
            zip(parts, segments).map { $1.tokens.count - $0.draft.count },
            drafted: parts.reduce(0) { $0 + $1.draft.count }, seconds: start.duration(to: clock.now))
        for index in finished.sorted(by: >) {
            let request = requests.remove(at: index)
            if failed.contains(index) {
                request.continuation.resume(throwing: Self.notANumber)
            } else {
                request.continuation.resume(returning: request.output)
            }
        }
    }

    private static let notANumber = LanguageModelError(
        .notANumber,
        "The model computed logits that are no numbers (NaN): its weights, or its adapter's, are damaged, or too large for "
            + "this precision.")

    /// Drafts a conversation's next tokens, and decides how each token is chosen should the draft come true so far.
    ///
    /// The answer keeps a drafted token only if the sampler chooses the same token there, with the random number that the
    /// place would have got anyway: the answer is the same with and without drafts.
    private func plan(_ part: inout Part, draftLimit: Int) {
        let request = requests[part.index]
        let conversation = request.conversation
        var draft: [Int] = []
        let open = min(
            draftLimit, request.rules.limit - request.output.tokens.count - 1,
            model.configuration.contextLength - conversation.tokens.count)
        if open > 0, let guess = request.rules.draft {
            draft = Array(tokenizer.encode(String(decoding: guess(request.text), as: UTF8.self)).prefix(open))
        }
        var grammar = request.grammar
        var sampler = conversation.sampler
        for place in 0...draft.count {
            let mask = grammar.map { allowed($0, request) }
            // Behind a chosen token, what is forced is not chosen.
            if place > 0, let mask, mask.count == 1 {
                part.choices.append(nil)
            } else {
                part.choices.append(sampler.next(allowed: mask, temperature: request.temperature))
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
            // The next place counts if the answer has exactly the drafted tokens before it.
            let written = conversation.tokens[read...]
            let foreseen = part.draft.prefix(place + 1)
            if isComplete || foreseen.count <= place || written.count <= place
                || !written.prefix(place + 1).elementsEqual(foreseen)
            {
                break
            }
        }
        // The cache forgets drafted tokens that were read but not written.
        let accepted = zip(part.draft, conversation.tokens[read...]).prefix { $0 == $1 }.count
        conversation.cache.truncate(to: read + accepted)
        statistics.accept(accepted)
        return isComplete
    }

    /// Adds a sampled token and the tokens that the grammar then forces; true when the answer is complete.
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
        masks.mask(grammar, ends: request.rules.ends)
    }

    /// Adds a token to the answer; true when that completes it.
    private func append(_ token: Int, _ logProbability: Float, to request: inout Request) -> Bool {
        request.conversation.tokens.append(token)
        request.output.tokens.append(token)
        request.output.logProbabilities.append(logProbability)
        request.observe(token, logProbability)
        let bytes = tokenizer.bytes(of: token)
        request.text += bytes
        // Only the new bytes can have completed a stop string.
        let (text, stop) = (request.text, request.rules.stop)
        let isStopped = stop.strings.contains { text.suffix(bytes.count + $0.count - 1).contains($0) }
        if isStopped || stop.tokens.contains(token) {
            request.output.finish = .stop
            return true
        }
        request.grammar = request.grammar?.advanced(by: bytes)
        return request.output.tokens.count >= request.rules.limit
            || request.conversation.tokens.count >= model.configuration.contextLength
    }

    /// Gives a fresh conversation the longest prefix that another one has read already. False when a conversation
    /// in the batch is about to read a longer one, so that waiting a step saves reading it twice.
    private func sharePrefix(of index: Int) throws -> Bool {
        let conversation = requests[index].conversation
        guard conversation.cache.count == 0 else { return true }
        // In a fixed order, so that the choice among equal prefixes is always the same.
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
