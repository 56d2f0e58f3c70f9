public import StatefulTools

/// What a set of demonstrations, or of start states, is made of. Values are added one by one; none is kept.
public struct Statistics: Sendable, Codable {
    /// A distribution of whole numbers, by its counts.
    public struct Distribution: Sendable, Codable {
        /// How often each value was added.
        public private(set) var counts: [Int: Int] = [:]

        public init() {}
        /// Adds one value.
        public mutating func add(_ value: Int) { counts[value, default: 0] += 1 }
        /// Values added.
        public var count: Int { counts.values.reduce(0, +) }
        /// Their sum.
        public var sum: Int { counts.reduce(0) { $0 + $1.key * $1.value } }
        /// The mean; 0 of no values.
        public var mean: Double { count == 0 ? 0 : Double(sum) / Double(count) }

        /// The smallest value that at least this share of the values does not exceed.
        public func quantile(_ share: Double) -> Int {
            var left = Int((Double(count) * share).rounded(.up))
            for (value, number) in counts.sorted(by: { $0.key < $1.key }) {
                left -= number
                if left <= 0 { return value }
            }
            return 0
        }
    }

    /// Demonstrations or start states.
    public private(set) var items = 0
    /// Distinct tasks.
    public var tasks: Int { perTask.count }
    /// Items of each task, by its id.
    public private(set) var perTask: [String: Int] = [:]
    /// Demonstrations of each kind, by ``Demonstration/Meta/kind``.
    public private(set) var kinds: [String: Int] = [:]
    /// Faults of each kind.
    public private(set) var operators: [String: Int] = [:]
    /// Commands of each kind, by ``Tool/verb(_:)``.
    public private(set) var commands: [String: Int] = [:]
    /// Items that fail in each way.
    public private(set) var failures: [String: Int] = [:]
    /// Faults of one demonstration.
    public private(set) var faults = Distribution()
    /// Commands of one demonstration.
    public private(set) var turns = Distribution()
    /// How far one start is from the known solution, in the tool's unit.
    public private(set) var editDistance = Distribution()
    /// A whole conversation, and what of it is learned; in characters.
    public private(set) var characters = Distribution()
    public private(set) var learnedCharacters = Distribution()
    /// The same in tokens, where there is a tokenizer.
    public private(set) var tokens = Distribution()
    public private(set) var learnedTokens = Distribution()
    /// From one command's line to the next one's, where commands name lines: −1 the line before, 1 the line after, …
    public private(set) var lineSteps = Distribution()

    public init() {}

    /// Adds a demonstration.
    ///
    /// - Parameters:
    ///   - tool: the tool that it is for.
    ///   - countTokens: the tokens of a text; nil where there is no tokenizer.
    public mutating func add(
        _ demonstration: Demonstration, of tool: any Tool.Type, countTokens: ((String) -> Int)? = nil
    ) {
        items += 1
        let meta = demonstration.meta
        perTask[meta.source, default: 0] += 1
        kinds[meta.kind, default: 0] += 1
        for kind in meta.operators { operators[kind, default: 0] += 1 }
        faults.add(meta.operators.count)
        failures[meta.failure, default: 0] += 1
        if let distance = meta.editDistance { editDistance.add(distance) }
        let answers = demonstration.messages.filter { $0.role == .assistant }
        turns.add(answers.count)
        let learned = answers.filter { $0.learn == true }
        characters.add(demonstration.messages.reduce(0) { $0 + $1.content.count })
        learnedCharacters.add(learned.reduce(0) { $0 + $1.content.count })
        if let countTokens {
            tokens.add(demonstration.messages.reduce(0) { $0 + countTokens($1.content) })
            learnedTokens.add(learned.reduce(0) { $0 + countTokens($1.content) })
        }
        var last: Int?
        for answer in answers {
            let verb = tool.verb(answer.content)
            if !verb.isEmpty { commands[verb, default: 0] += 1 }
            let words = answer.content.split(separator: " ", maxSplits: 3)
            guard words.count > 2, let line = Int(words[2]), (0...1 << 40).contains(line) else { continue }
            if let last { lineSteps.add(line - last) }
            last = line
        }
    }

    /// Adds a task's start state.
    public mutating func add(task: String, failure: String, editDistance distance: Int?, characters length: Int) {
        items += 1
        perTask[task, default: 0] += 1
        failures[failure, default: 0] += 1
        if let distance { editDistance.add(distance) }
        characters.add(length)
    }

    /// Rows of name, number and share, the most frequent first.
    public static func shares(_ counts: [String: Int]) -> [(name: String, count: Int, share: Double)] {
        let total = max(counts.values.reduce(0, +), 1)
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { ($0.key, $0.value, Double($0.value) / Double(total)) }
    }
}
