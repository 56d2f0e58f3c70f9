public import PythonSandbox
public import StatefulTools

/// Start states that a player must change. On a state that passes already, a player who says EXIT at once would score.
public struct FaultyStarts: Sendable {
    /// The tasks to play, in the set's order.
    public private(set) var tasks: [any Tool] = []
    /// Tasks that begin with their solution and got faults.
    public private(set) var corrupted = 0
    /// The ids of tasks that are left out: they pass already, and no fault was found that a test sees.
    public private(set) var leftOut: [String] = []

    /// Draws before a task is left out.
    private static let attempts = 20

    /// Judges each start state once; a task that begins with its solution gets one to three faults from its tool's
    /// teacher, drawn by the seed.
    ///
    /// - Throws: `SandboxError` where nothing can be judged, and errors of teachers.
    public init(_ set: [any Tool], seed: UInt64, in sandbox: PythonSandbox) async throws {
        let solved = set.filter { $0.solution == $0.state }
        var lessons: [String: (teacher: any Teacher, index: Int)] = [:]
        for name in Set(solved.map { type(of: $0).name }).sorted() {
            let starts = solved.filter { type(of: $0).name == name }
            let options = LessonOptions(family: "paper", faults: 1...3)
            let teacher = try await type(of: starts[0]).teacher(of: starts, options, in: nil) { _, _ in }
            for (index, task) in teacher.tasks.enumerated() { lessons[task.id] = (teacher, index) }
        }
        for (place, task) in set.enumerated() {
            guard try await Self.passes(task, sandbox) else {
                tasks.append(task)
                continue
            }
            if let (teacher, index) = lessons[task.id],
                let start = try await Self.faulty(teacher, index, seed: seed &+ UInt64(place), sandbox)
            {
                tasks.append(start)
                corrupted += 1
            } else {
                leftOut.append(task.id)
            }
        }
    }

    /// What was done to the set, as sentences.
    public var notes: [String] {
        var notes: [String] = []
        if corrupted > 0 {
            notes.append("\(corrupted) start states are solutions; each got one to three faults, drawn by the seed.")
        }
        if !leftOut.isEmpty {
            let names = leftOut.prefix(3).joined(separator: ", ") + (leftOut.count > 3 ? ", …" : "")
            notes.append("\(leftOut.count) start states pass already and are left out: \(names).")
        }
        return notes
    }

    /// Whether nothing is to be done. A task whose tests can't be used is played; its episode says why.
    private static func passes(_ task: any Tool, _ sandbox: PythonSandbox) async throws -> Bool {
        do {
            return try await task.judge(in: sandbox).solved
        } catch let error as SandboxError where error.code == .unusableTests || error.code == .workerBroken {
            return false
        }
    }

    /// The first drawn start state that fails; nil where none does.
    private static func faulty(
        _ teacher: any Teacher, _ index: Int, seed: UInt64, _ sandbox: PythonSandbox
    ) async throws -> (any Tool)? {
        for attempt in 0..<attempts {
            var random = SeededGenerator(seed: seed, stream: UInt64(attempt) + 1)
            guard let start = teacher.lesson(index, using: &random)?.start else { continue }
            if try await !passes(start, sandbox) { return start }
        }
        return nil
    }
}
