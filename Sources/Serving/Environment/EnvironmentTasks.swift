public import StatefulTools

/// The tasks that an environment draws from, and the tools of tasks that a client gives.
///
/// A task that begins with its solution gets faults, drawn by the seed from its tool's teacher.
public struct EnvironmentTasks: Sendable {
    /// The server's set.
    public let tasks: [any Tool]
    /// The tools of the tasks. The first is the tool of a client's task that names none.
    let tools: [any Tool.Type]
    private let toolbox: Toolbox
    private let indexOfID: [String: Int]
    /// For each task that begins with its solution: its teacher, and its index there.
    private var lessons: [Int: (teacher: any Teacher, index: Int)] = [:]

    /// The most bytes of a task that a client gives, as JSON.
    static let taskBytes = 128 << 10

    /// - Parameters:
    ///   - tasks: the server's set.
    ///   - toolbox: the tools for tasks that clients give.
    ///   - faults: the number of faults of a task that begins with its solution, drawn uniformly.
    /// - Throws: ``ServingError`` with `nothingToServe` where there is no task, and errors of teachers.
    public init(_ tasks: [any Tool], toolbox: Toolbox, faults: ClosedRange<Int> = 1...3) async throws {
        if tasks.isEmpty { throw ServingError(.nothingToServe, "The set holds no tasks.") }
        self.tasks = tasks
        self.toolbox = toolbox
        var names: Set<String> = []
        tools = tasks.map { type(of: $0) }.filter { names.insert($0.name).inserted }
        indexOfID = Dictionary(tasks.enumerated().map { ($1.id, $0) }) { first, _ in first }
        let options = LessonOptions(family: "paper", faults: faults)
        let solved = tasks.indices.filter { tasks[$0].solution == tasks[$0].state }
        for tool in tools {
            let starts = solved.map { tasks[$0] }.filter { type(of: $0).name == tool.name }
            if starts.isEmpty { continue }
            let teacher = try await tool.teacher(of: starts, options, in: nil) { _, _ in }
            for (place, task) in teacher.tasks.enumerated() {
                if let index = indexOfID[task.id] { lessons[index] = (teacher, place) }
            }
        }
    }

    /// A start state, and whether further attempts of the draw give others.
    struct Draw {
        var tool: any Tool
        var isRandom: Bool
    }

    /// The task of this id, or one drawn by the seed, with its faults.
    ///
    /// - Parameter attempt: further attempts put other faults into the same task, because some faults change nothing
    ///   that the tests see.
    /// - Throws: ``WireError`` where the set has no such task.
    func draw(id: String?, seed: UInt64, attempt: Int) throws(WireError) -> Draw {
        var random = SeededGenerator(seed: seed)
        var index = random.below(tasks.count)
        if let id {
            guard let known = indexOfID[id] else {
                throw WireError(.execution, "There is no task \"\(id.shortened(to: 80))\" in this server's set.")
            }
            index = known
        }
        guard let lesson = lessons[index] else { return Draw(tool: tasks[index], isRandom: false) }
        random = SeededGenerator(seed: seed, stream: UInt64(attempt) + 1)
        return Draw(tool: lesson.teacher.lesson(lesson.index, using: &random)?.start ?? tasks[index], isRandom: true)
    }

    /// The start state of a client's task.
    ///
    /// - Throws: ``WireError`` that names the field which is missing or wrong.
    func start(_ given: GivenTask) throws(WireError) -> any Tool {
        var task = given.task
        if !given.namesTool { task.tool = tools[0].name }
        let bytes = encoded(task).count
        if bytes > Self.taskBytes {
            let sentence = "The task has \(bytes) bytes; at most \(Self.taskBytes) are taken"
            throw WireError(ValidationFailure("too_long", at: ["task"], sentence))
        }
        do {
            return try toolbox.start(task)
        } catch {
            let sentence = (error as? ToolTaskError)?.description ?? "The task can't be read"
            throw WireError(ValidationFailure("value_error", at: ["task"], sentence))
        }
    }
}
