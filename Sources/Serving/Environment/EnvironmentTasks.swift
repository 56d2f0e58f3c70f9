public import RepairTasks

/// The tasks that an environment draws from.
///
/// A task whose program is its reference has no fault yet: it gets some, drawn by the seed, with the paper's operators.
public struct EnvironmentTasks: Sendable {
    public let tasks: [RepairTask]
    private let indexOfID: [String: Int]
    private let corruptor: Corruptor

    public init(_ tasks: [RepairTask]) throws(ServingError) {
        if tasks.isEmpty { throw ServingError(.nothingToServe, "The set holds no tasks.") }
        self.tasks = tasks
        indexOfID = Dictionary(tasks.enumerated().map { ($1.id, $0) }) { first, _ in first }
        corruptor = Corruptor(programs: tasks.map { $0.reference ?? $0.program }, sites: [])
    }

    func contains(_ id: String) -> Bool { indexOfID[id] != nil }

    /// The task of this id, or one drawn by the seed, with its faults.
    ///
    /// - Parameter attempt: further attempts put other faults into the same task, since some change nothing that the
    ///   tests see.
    func draw(id: String?, seed: UInt64, attempt: Int, faults: ClosedRange<Int>) -> RepairTask {
        var generator = SeededGenerator(seed: seed)
        let drawn = generator.below(tasks.count)
        let index = id.flatMap { indexOfID[$0] } ?? drawn
        var task = tasks[index]
        guard needsFaults(index) else { return task }
        var other = SeededGenerator(seed: seed, stream: UInt64(attempt) + 1)
        let count = faults.lowerBound + other.below(faults.count)
        if let corrupted = corruptor.corrupt(index, family: .paper, faults: count, using: &other) {
            task.program = corrupted.program
        }
        return task
    }

    private func needsFaults(_ index: Int) -> Bool { tasks[index].reference == tasks[index].program }

    func needsFaults(id: String) -> Bool { indexOfID[id].map(needsFaults) ?? false }
}
