/// Why an evaluation can't go on, as a full sentence.
public struct EvaluationError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable {
        /// The folder holds something else.
        case foreignFolder
        /// The folder holds no evaluation.
        case noRun
        /// A setting of the folder's evaluation is out of its range.
        case badSetting
        /// The folder holds an evaluation of an older coe.
        case oldFormat
        /// Shards that don't make one run.
        case mismatchedShards
        /// No task is left to play.
        case nothingSelected
        /// The run whose tokens are to be spent lacks an episode.
        case noBudget
        /// A task without a known solution, for a method that needs one.
        case noSolution
        /// One episode after the other broke.
        case allBroken
        /// It was asked to stop; all finished episodes are saved.
        case interrupted
    }

    public var code: Code
    public var description: String

    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
