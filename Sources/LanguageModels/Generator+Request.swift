extension Generator {
    /// A conversation between ``begin(_:)`` and ``end(_:)``; the generator's thread alone uses it.
    final class Conversation {
        /// All tokens; the model has read the first `cache.count` of them.
        var tokens: [Int] = []
        var cache: KVCache
        var sampler: Sampler

        init(cache: KVCache, sampler: Sampler) {
            self.cache = cache
            self.sampler = sampler
        }
    }

    /// The rules for an answer.
    struct Rules {
        let limit: Int
        let stop: StopCondition
        /// The end tokens, and the stop strings that are one token.
        let ends: Set<Int>
        /// The state of the grammar before the answer; nil for any text.
        let grammar: (any ByteGrammar)?
        /// How often the answer may be resampled.
        let resamples: Int
        let draft: Draft?
    }

    /// An answer that is being written.
    struct Request {
        let id: ConversationID
        let conversation: Conversation
        let rules: Rules
        let observe: @Sendable (Int, Float) -> Void
        let continuation: CheckedContinuation<Output, any Error>
        let cancellation: Cancellation
        var output = Output(tokens: [], logProbabilities: [], finish: .length)
        var text: [UInt8] = []
        /// The state of the grammar behind the text.
        var grammar: (any ByteGrammar)?

        init(
            _ id: ConversationID, _ conversation: Conversation, _ rules: Rules,
            observe: @escaping @Sendable (Int, Float) -> Void, continuation: CheckedContinuation<Output, any Error>,
            cancellation: Cancellation
        ) {
            self.id = id
            self.conversation = conversation
            self.rules = rules
            self.observe = observe
            self.continuation = continuation
            self.cancellation = cancellation
            begin()
        }

        /// Whether the answer may end as one that the grammar excludes, to be resampled then.
        var canBeResampled: Bool { output.resamples < rules.resamples }

        /// The sampling temperature; a resampled answer has at least ``Generator/resampleTemperature``.
        var temperature: Double {
            // Once the last resample is spent, the answer is sampled as if there had been none.
            let isResampled = output.resamples > 0 && canBeResampled
            return max(isResampled ? Generator.resampleTemperature : 0, conversation.sampler.options.temperature)
        }

        /// Starts the answer's text.
        private mutating func begin() {
            text = []
            grammar = canBeResampled ? rules.grammar?.admittingExcluded : rules.grammar
        }

        /// Throws an answer away that the grammar excludes, to sample another one; false where it may stay.
        mutating func resample() -> Bool {
            guard output.finish == .stop, canBeResampled, grammar?.isExcluded == true else { return false }
            let discarded = output.tokens.count
            conversation.tokens.removeLast(discarded)
            // The model reads the last token before the answer again, for its logits.
            conversation.cache.truncate(to: min(conversation.cache.count, conversation.tokens.count - 1))
            output = Output(
                tokens: [], logProbabilities: [], finish: .length, resamples: output.resamples + 1,
                discardedTokens: output.discardedTokens + discarded)
            begin()
            return true
        }
    }
}
