extension CausalLM {
    /// A sequence and where its tokens are learned.
    public struct PackedSequence: Hashable, Sendable {
        /// The ids, at least one.
        public var tokens: [Int]
        /// For each token whether training and scoring predict it from the earlier ones; the first never is.
        public var mask: [Bool]
        /// The length of the prefix that it shares with the last sequence before it that shares none. The pass does not
        /// compute the prefix again, and the sequence learns none of it.
        public var sharedCount: Int

        /// - Parameter mask: For each token whether it is learned; the first never is.
        public init(tokens: [Int], mask: [Bool], sharedCount: Int = 0) {
            precondition(tokens.count == mask.count && !tokens.isEmpty)
            precondition(sharedCount < tokens.count && !mask[..<sharedCount].contains(true))
            self.tokens = tokens
            self.mask = mask
            self.sharedCount = sharedCount
            self.mask[0] = false
        }

        /// The number of learned tokens.
        public var learnedCount: Int { mask.count { $0 } }
        /// The number of tokens that go through the model.
        public var computedCount: Int { tokens.count - sharedCount }
    }
}
