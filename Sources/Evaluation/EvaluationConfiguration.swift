public import Episodes
public import RepairTasks

/// How a policy is to repair programs.
public enum EvaluationMethod: String, CaseIterable, Hashable, Sendable, Codable {
    /// Chain-of-Edits: commands of the line editor, with the tests' answer after each.
    case coe
    /// The whole corrected program in one answer.
    case direct
    /// Reasoning in words first, then the whole corrected program.
    case think
    /// Whole programs, one after the other, until one passes the visible tests or the tokens that another run used for
    /// the same episode are spent.
    case resample
    /// The fewest edits to the task's reference, played without a model: shows that editor and sandbox are complete.
    case oracle

    /// Whether the policy answers with whole programs.
    public var answersWithPrograms: Bool { self == .direct || self == .think || self == .resample }

    /// The most tokens of one completion, unless the user says otherwise.
    var maxTokens: Int {
        switch self {
        case .coe, .oracle: 128
        case .direct, .resample: 768
        case .think: 1_536
        }
    }
}

/// One part of a run that is spread over several machines: every n-th task.
public struct Shard: Hashable, Sendable {
    /// From 1 to `count`.
    public var index: Int
    public var count: Int

    /// Reads `2/8`, the second of eight; nil when it is none.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let index = Int(parts[0]), let count = Int(parts[1]), index >= 1, index <= count
        else { return nil }
        (self.index, self.count) = (index, count)
    }
}

extension Shard: Codable, CustomStringConvertible {
    public var description: String { "\(index)/\(count)" }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let shard = Shard(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "it is no shard such as 1/4")
        }
        self = shard
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// What an evaluation does: the content of `run.json`. With it the run can be run again.
public struct EvaluationConfiguration: Hashable, Sendable, Codable {
    public var set: String
    public var method: EvaluationMethod
    public var model: String
    public var adapter: String?
    public var samples: Int
    public var temperature: Double
    /// The first tasks of the set that are played; all when nil.
    public var limit: Int?
    /// How many of these are played, drawn by the seed; all when nil. A larger draw with the same seed holds the
    /// smaller one.
    public var subset: Int?
    /// The part of these that is played here; all when nil.
    public var shard: Shard?
    public var seed: UInt64
    public var options: EpisodeOptions
    /// How a whole program is asked for; nil where the method doesn't.
    public var answerForm: AnswerForm?
    /// For `resample`, the name of the run whose tokens are spent again.
    public var budgetRun: String?
    /// The most tokens of one completion.
    public var maxTokens: Int

    public init(
        set: String, method: EvaluationMethod, model: String, adapter: String? = nil, samples: Int = 1,
        temperature: Double = 0, limit: Int? = nil, subset: Int? = nil, shard: Shard? = nil, seed: UInt64 = 0,
        options: EpisodeOptions = EpisodeOptions(endsAtFirstPass: true), answerForm: AnswerForm? = nil,
        budgetRun: String? = nil, maxTokens: Int? = nil
    ) {
        self.set = set
        self.method = method
        self.model = model
        self.adapter = adapter
        self.samples = samples
        self.temperature = temperature
        self.limit = limit
        self.subset = subset
        self.shard = shard
        self.seed = seed
        self.options = options
        self.answerForm = method.answersWithPrograms ? answerForm ?? .feedback : nil
        self.budgetRun = method == .resample ? budgetRun : nil
        self.maxTokens = maxTokens ?? method.maxTokens
    }

    /// The tasks of a set that are played here, in the set's order.
    public func selection(of tasks: [RepairTask]) -> [RepairTask] {
        var indices = Array(tasks.indices.prefix(limit ?? tasks.count))
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
