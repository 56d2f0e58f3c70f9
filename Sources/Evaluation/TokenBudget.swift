import Runs
public import StatefulTools

/// What `coe` used for each episode, for its rival `resample` to spend: the tokens it wrote, and those of the feedback
/// that it read after the opening, which cost a model as much as written ones.
public struct TokenBudget: Hashable, Sendable {
    private var tokens: [EpisodeID: Int] = [:]

    public init(_ traces: [Trace]) {
        for trace in traces {
            let read = trace.turns.dropFirst().reduce(0) { $0 + $1.completion.promptTokenIDs.count }
            tokens[EpisodeID(trace)] = trace.tokens + read
        }
    }

    /// The tokens of an episode; nil where the run has no such episode.
    public subscript(task: String, sample: Int) -> Int? { tokens[EpisodeID(task: task, sample: sample)] }

    /// - Throws: ``EvaluationError`` when an episode has no budget.
    func check(_ tasks: [any Tool], samples: Int) throws {
        for task in tasks {
            for sample in 0..<samples where self[task.id, sample] == nil {
                throw EvaluationError(
                    .noBudget,
                    "The run whose tokens are to be spent has no episode of task \(task.id), sample \(sample): take the "
                        + "same set and at most its samples.")
            }
        }
    }
}
