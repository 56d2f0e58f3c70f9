import Demonstrations
import PythonSandbox
import StatefulTools
import Synchronization
import Tools

/// Demonstrations that are made for a measurement.
struct MadeDemonstrations {
    var made: [Demonstration] = []
    /// Seconds that it took, the check of the references aside.
    var seconds = 0.0

    /// - Parameters:
    ///   - set: a task set; its training split is taken.
    ///   - count: fewer are made where 20 draws for each did not give enough.
    init(
        of set: String = "starter", count: Int, options: LessonOptions, workers: Int, in sandbox: PythonSandbox
    ) async throws {
        let tasks = try Toolbox.standard.load(set, split: .train)
        guard let first = tasks.first else { throw ToolTaskError(.nothingUsable, "\(set) holds no tasks") }
        let teacher = try await type(of: first).teacher(of: tasks, options, in: sandbox) { _, _ in }
        let found = Mutex<[Demonstration]>([])
        let start = ContinuousClock.now
        try await Synthesizer(teacher, options: options, sandbox: sandbox).run(workers: workers) { index, one in
            found.withLock { found in
                if let one { found.append(one) }
                return found.count < count && index < 20 * count
            }
        }
        seconds = (ContinuousClock.now - start) / .seconds(1)
        made = found.withLock { $0 }
    }
}
