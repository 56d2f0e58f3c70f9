public import StatefulTools

/// An episode that ends well, to be imitated: one line of a demonstration file.
public struct Demonstration: Hashable, Sendable, Codable {
    /// One message of the conversation, exactly as the model would see or write it.
    public struct Message: Hashable, Sendable, Codable {
        public var role: ChatMessage.Role
        public var content: String
        /// Whether a loss may stand on it; nil for messages that the assistant does not write. A wrong step, shown for its
        /// recovery, must not be learned.
        public var learn: Bool?

        public init(role: ChatMessage.Role, content: String, learn: Bool? = nil) {
            self.role = role
            self.content = content
            self.learn = learn
        }

        /// A message that the assistant does not write.
        public init(_ message: ChatMessage) { self.init(role: message.role, content: message.content) }
    }

    /// How a demonstration was made.
    public struct Meta: Hashable, Sendable, Codable {
        /// What it shows: ``Lesson/kind``, or `correction` for a model's own mistakes and the way out of them.
        public var kind: String
        /// The id of the task that it was made from.
        public var source: String
        /// The kind of each fault; empty where none was made.
        public var operators: [String]
        /// How the start state fails, by ``Verdict/failure``; empty where the tool does not say.
        public var failure: String
        /// How far the start is from the known solution, by ``Tool/difference(_:_:)``; nil where the tool has no measure.
        public var editDistance: Int?
        /// Commands to be learned, EXIT included.
        public var commands: Int
        public var prompt: PromptStyle
        /// Where the faults come from, by ``LessonOptions/family``.
        public var family: String?
        public var seed: UInt64
        /// Which draw of the seed this is.
        public var index: Int

        private enum CodingKeys: String, CodingKey {
            case kind, source, operators, failure, editDistance, commands, family, seed, index
            case prompt = "state"
        }
    }

    public var id: String
    public var messages: [Message]
    /// The task whose start state the episode begins in.
    public var task: ToolTask
    public var meta: Meta

    /// - Parameter mark: what stands between the task's id and the draw in the demonstration's id.
    init(
        _ played: Demonstrator.Played, from start: any Tool, kind: String, operators: [String] = [], mark: String,
        options: LessonOptions, index: Int
    ) {
        task = start.task
        id = "\(task.id)\(mark)\(options.seed)-\(index)"
        messages = played.messages
        meta = Meta(
            kind: kind, source: task.id, operators: operators, failure: played.initialVerdict.failure ?? "",
            editDistance: start.solution.flatMap { type(of: start).difference(start.state, $0)?.distance },
            commands: messages.count { $0.learn == true }, prompt: options.prompt, family: options.family,
            seed: options.seed, index: index)
        task.id = id
    }
}

extension Demonstration.Meta {
    /// - Throws: `DecodingError` for counts that nothing has; sums of them must not overflow.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func count(_ key: CodingKeys) throws -> Int? {
            guard let count = try values.decodeIfPresent(Int.self, forKey: key) else { return nil }
            guard (0...1 << 40).contains(count) else {
                throw DecodingError.dataCorruptedError(
                    forKey: key, in: values, debugDescription: "it is \(count), where 0 to \(1 << 40) is possible")
            }
            return count
        }
        func needed(_ key: CodingKeys) throws -> Int { try count(key) ?? values.decode(Int.self, forKey: key) }
        kind = try values.decode(String.self, forKey: .kind)
        source = try values.decode(String.self, forKey: .source)
        operators = try values.decode([String].self, forKey: .operators)
        failure = try values.decode(String.self, forKey: .failure)
        editDistance = try count(.editDistance)
        commands = try needed(.commands)
        prompt = try values.decode(PromptStyle.self, forKey: .prompt)
        family = try values.decodeIfPresent(String.self, forKey: .family)
        seed = try values.decode(UInt64.self, forKey: .seed)
        index = try needed(.index)
    }
}
