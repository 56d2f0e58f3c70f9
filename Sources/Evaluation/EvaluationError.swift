/// Why an evaluation can't go on, as a full sentence.
public struct EvaluationError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable {
        /// The folder holds something else.
        case foreignFolder
        /// The folder holds no run, or a file of it is damaged.
        case noRun
        /// Shards that don't make one run.
        case mismatchedShards
        /// The run whose tokens are to be spent lacks an episode.
        case noBudget
        /// A task without a reference, for a method that needs one.
        case noReference
        /// One episode after the other broke.
        case allBroken
        /// It was asked to stop; what is finished is saved.
        case interrupted
    }

    public var code: Code
    public var description: String

    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
