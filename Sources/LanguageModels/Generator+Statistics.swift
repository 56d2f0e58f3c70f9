import Tensors

extension Generator {
    /// The generator's work since its start.
    public struct Statistics: Hashable, Sendable {
        /// Tokens read as part of prompts.
        public private(set) var promptTokens = 0
        /// Tokens sampled in steps that read no prompt.
        public private(set) var decodedTokens = 0
        /// Seconds in steps that read a prompt.
        public private(set) var promptSeconds = 0.0
        /// Seconds in steps of single tokens only.
        public private(set) var decodeSeconds = 0.0
        /// Tokens that a draft proposed.
        public private(set) var draftedTokens = 0
        /// The proposed tokens that the model then wrote.
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

    /// Sets the threads of one operation, on the generator's own thread.
    public func setThreadCount(_ count: Int) throws { try Engine.setThreadCount(count) }

    /// The work so far.
    public var currentStatistics: Statistics { statistics }
}
