/// One answer of a demonstration.
public struct Step: Hashable, Sendable {
    public var text: String
    /// Whether a model should learn it; a wrong step is there to be recovered from.
    public var learn: Bool

    public init(_ text: String, learn: Bool = true) {
        self.text = text
        self.learn = learn
    }
}

/// A start state and the steps that solve it.
public struct Lesson: Sendable {
    public var start: any Tool
    /// Without the final command.
    public var steps: [Step]
    /// What it shows, the row of a table: `corruption`, `recovery`, `pair`, `expert`.
    public var kind: String
    /// The kinds of faults that were made.
    public var operators: [String]

    public init(start: any Tool, steps: [Step], kind: String, operators: [String] = []) {
        self.start = start
        self.steps = steps
        self.kind = kind
        self.operators = operators
    }
}

/// What lessons are to be made.
public struct LessonOptions: Hashable, Sendable, Codable {
    public var seed: UInt64
    /// Where faults come from, in the tool's words; nil takes each task's own start state.
    public var family: String?
    /// The number of faults, drawn uniformly.
    public var faults: ClosedRange<Int>
    /// The share of lessons with a wrong step and its repair.
    public var recovery: Double
    public var prompt: PromptStyle

    public init(
        seed: UInt64 = 0, family: String? = "mixed", faults: ClosedRange<Int> = 1...5, recovery: Double = 0,
        prompt: PromptStyle = .brief
    ) {
        self.seed = seed
        self.family = family
        self.faults = faults
        self.recovery = recovery
        self.prompt = prompt
    }
}

/// Draws lessons from the tasks of a set.
public protocol Teacher: Sendable {
    /// The tasks that can be used.
    var tasks: [any Tool] { get }
    /// Tasks that can't be used, and why.
    var unusable: [(task: String, why: String)] { get }

    /// A lesson from the task at `index`; nil where this draw made none. The draw decides it alone.
    func lesson(_ index: Int, using random: inout SeededGenerator) -> Lesson?
}

/// The teacher of a tool that knows its expert's way. Before a right step it now and then takes a random one, for the
/// expert to recover from.
public struct ExpertTeacher: Teacher {
    public let tasks: [any Tool]
    public var unusable: [(task: String, why: String)] { [] }
    /// The chance of a random step before each right one.
    private let recovery: Double

    public init(tasks: [any Tool], recovery: Double) {
        self.tasks = tasks
        self.recovery = recovery
    }

    public func lesson(_ index: Int, using random: inout SeededGenerator) -> Lesson? {
        func lesson(of task: some Tool) -> Lesson? {
            var tool = task.corrupted(using: &random) ?? task
            let start = tool
            var steps: [Step] = []
            // An episode never takes a command twice in one state.
            var tried: [String: Set<String>] = [:]
            while steps.count < type(of: task).turns {
                guard let way = tool.expert(nil, using: &random) else { return nil }
                guard let right = way.first else {
                    let kind = steps.contains { !$0.learn } ? "recovery" : "expert"
                    return Lesson(start: start, steps: steps, kind: kind)
                }
                let known = tried[tool.state] ?? []
                var step = right
                if random.chance(recovery),
                    let stray = tool.grammar(allowsExit: false)?.excluding(known).sample(using: &random),
                    stray != right.text
                {
                    step = Step(stray, learn: false)
                }
                tried[tool.state] = known.union([step.text])
                steps.append(step)
                guard !known.contains(step.text), (try? tool.apply(step.text)) != nil else { return nil }
            }
            return nil
        }
        return lesson(of: tasks[index])
    }
}
