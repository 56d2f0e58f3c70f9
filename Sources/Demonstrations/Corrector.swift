public import Episodes
import LineEditor
public import PythonSandbox
public import RepairTasks

/// Makes demonstrations of episodes that a model played and lost: what it did itself, and the way out of where that led it.
///
/// A model that has seen right commands alone does not know what to do after a wrong one of its own. Its own states with
/// an expert's commands are what it lacks (DAgger, Ross et al. 2011); the expert is the shortest edit script to the
/// task's reference. The model's commands carry no loss.
public struct Corrector: DemonstrationSource {
    public let options: SynthesisOptions
    public let cache: JobCache
    /// An episode, and its task.
    private let episodes: [(task: RepairTask, trace: Trace)]
    private let mistakes: Int
    private let demonstrator: Demonstrator

    /// - Parameters:
    ///   - traces: episodes of any number of runs; those that were solved are left out, as are those whose tasks aren't
    ///     among `tasks` or have no reference.
    ///   - mistakes: the most commands of the model's own that a demonstration begins with.
    /// - Throws: ``RepairTaskError`` when no episode is left.
    public init(
        _ traces: [Trace], tasks: [RepairTask], mistakes: Int, options: SynthesisOptions, sandbox: PythonSandbox
    ) throws {
        let known = Dictionary(tasks.map { ($0.id, $0) }) { first, _ in first }
        episodes = traces.compactMap { trace in
            guard !trace.solved, let task = known[trace.task], task.reference != nil,
                task.program == trace.initialProgram
            else { return nil }
            return (task, trace)
        }
        guard !episodes.isEmpty else {
            throw RepairTaskError(
                .badLine,
                "of \(traces.count) episodes none was lost on a task with a reference; nothing can be corrected")
        }
        self.options = options
        self.mistakes = mistakes
        cache = JobCache(sandbox)
        demonstrator = Demonstrator(cache: cache, state: options.state)
    }

    /// The episodes that can be corrected; draws take them in turn.
    public var count: Int { episodes.count }

    public func demonstration(_ index: Int) async throws -> Demonstration? {
        var generator = SeededGenerator(seed: options.seed, stream: UInt64(index))
        let (task, trace) = episodes[index % episodes.count]
        guard let reference = task.reference, case .usable(let limits) = try await cache.check(task) else { return nil }
        let turns = trace.turns.prefix(mistakes).prefix { $0.command != .exit }
        guard !turns.isEmpty else { return nil }
        // After many mistakes the way out can be too long for an episode; after fewer of them it is shorter.
        for length in (1...1 + generator.below(turns.count)).reversed() {
            var program = ProgramText(task.program)
            for turn in turns.prefix(length) {
                if let command = turn.command, turn.error == nil { try? program.apply(command) }
            }
            var plan = RepairPlan(EditScript(from: program.lines, to: ProgramText(reference).lines))
            for slot in plan.order(from: turns[length - 1].faultyLine, using: &generator) {
                plan.repair(slot, using: &generator)
            }
            let own = turns.prefix(length).map { Demonstrator.Step($0.completion.text, learn: false) }
            guard let played = try await demonstrator.play(task, steps: own + plan.steps, limits: limits) else {
                continue
            }
            var corrected = task
            corrected.id = "\(task.id)!\(options.seed)-\(index)"
            return Demonstration(
                id: corrected.id, messages: played.messages, task: corrected,
                meta: Demonstration.Meta(
                    kind: .correction, source: task.id, operators: [], failure: played.initialReport.failure ?? "",
                    editDistance: editDistance(task.program, reference),
                    commands: played.messages.count { $0.learn == true }, state: options.state, family: nil,
                    seed: options.seed, index: index))
        }
        return nil
    }
}

extension Turn {
    /// The line that the tests complain of, else that of the command.
    fileprivate var faultyLine: Int? {
        let failures = report.tests.filter { $0.status != .passed }
        return report.programError?.line ?? failures.lazy.compactMap(\.line).first ?? command?.line
    }
}
