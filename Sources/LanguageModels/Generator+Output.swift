extension Generator {
    /// An answer: what a conversation wrote in one call.
    public struct Output: Hashable, Sendable {
        /// Why an answer ended.
        public enum Finish: Hashable, Sendable {
            /// The model wrote an end token or a stop string.
            case stop
            /// The answer reached its limit of tokens or the end of the model's context.
            case length
        }

        /// The sampled ids, the end token included.
        public var tokens: [Int]
        /// For each token its log-probability under the model at the sampling temperature.
        public var logProbabilities: [Float]
        /// Why the answer ended.
        public var finish: Finish
        /// How often the generator resampled an answer that the grammar excluded.
        public var resamples = 0
        /// The tokens of the answers that it threw away.
        public var discardedTokens = 0
    }
}
