/// Why a training run can't go on, as a full sentence.
public struct TrainingError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable {
        /// The data can't be used.
        case badData
        /// The run folder holds something else, or nothing to resume from.
        case foreignFolder
        /// The loss or the gradient is no longer a number.
        case diverged
        /// Rollouts were not played with the weights in training.
        case foreignRollouts
        /// It was asked to stop; a checkpoint is saved.
        case interrupted
        /// The disk refused a file.
        case notWritable
    }

    public var code: Code
    public var description: String

    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    static func interrupted(after step: Int, of count: Int) -> TrainingError {
        TrainingError(.interrupted, "Stopped after step \(step) of \(count); --resume goes on from there.")
    }
}
