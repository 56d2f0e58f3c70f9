public import StatefulTools

/// What an evaluation does: the content of `run.json`. With it the run can be run again.
public struct EvaluationConfiguration: Hashable, Sendable, Codable {
    /// The name of the task set.
    public var set: String
    public var method: EvaluationMethod
    /// The name of the policy.
    public var model: String
    public var adapter: String?
    /// Episodes of each task.
    public var samples = 1
    public var temperature = 0.0
    /// How many tasks of the set are played, chosen by the seed; nil for all. A larger subset of the same seed holds the smaller.
    public var subset: Int?
    /// The part of these that is played here; nil for all.
    public var shard: Shard?
    public var seed: UInt64 = 0
    /// The rules of an episode; they don't matter for whole answers.
    public var options: EpisodeOptions
    /// How a whole answer is asked for; nil for other methods.
    public var answerForm: AnswerForm?
    /// For `resample`, the name of the run whose tokens are spent again.
    public var budgetRun: String?
    /// For `search`, the most commands of one sample; nil for other methods.
    public var commands: Int?
    /// The most tokens of one completion.
    public var maxTokens: Int
    /// The digests of the files that the run reads, found out at its start; see `InputDigest`.
    public var inputs: [String]?

    public init(set: String, method: EvaluationMethod, model: String, options: EpisodeOptions = EpisodeOptions()) {
        self.set = set
        self.method = method
        self.model = model
        self.options = options
        answerForm = method.givesWholeAnswers ? .feedback : nil
        commands = method == .search ? 80 : nil
        maxTokens = method.maxTokens
    }

    /// The tasks of a set that are played here, in the set's order.
    public func selection(of tasks: [any Tool]) -> [any Tool] {
        var indices = Array(tasks.indices)
        if let subset, subset < indices.count {
            var random = SeededGenerator(seed: seed, stream: 0x5B5E7)
            random.shuffle(&indices)
            indices = indices.prefix(subset).sorted()
        }
        if let shard {
            indices = indices.enumerated().filter { $0.offset % shard.count == shard.index - 1 }.map(\.element)
        }
        return indices.map { tasks[$0] }
    }
}
