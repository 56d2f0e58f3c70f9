import Foundation
import Runs

/// Why a training run can't go on, as a full sentence. Errors about its folder are a ``Runs/RunError``.
public struct TrainingError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable {
        /// The data can't be used.
        case badData
        /// The loss or the gradient is no longer a number.
        case diverged
        /// Rollouts were not played with the weights in training.
        case foreignRollouts
        /// Someone asked the run to stop; a checkpoint is saved.
        case interrupted
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

    /// The loss is no number any more.
    static func diverged(_ step: Int, in folder: RunFolder) throws -> TrainingError {
        let last = try folder.latest().map {
            "The checkpoint of step \($0.step) is whole: \($0.url.path(percentEncoded: false))"
        }
        return TrainingError(
            .diverged,
            "The loss or its gradient is no longer a number in step \(step); try a lower learning rate. "
                + (last ?? "There is no checkpoint yet."))
    }
}
