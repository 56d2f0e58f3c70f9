public import PythonSandbox
public import StatefulTools

/// Makes demonstrations of episodes that a model played and lost: its own commands, then an expert's way out.
///
/// A model that has seen right commands alone does not know what to do after a wrong one of its own, so it learns from an
/// expert in states that it reached itself (DAgger, Ross et al. 2011). The model's own commands carry no loss.
public struct Corrector: DemonstrationSource {
    private let options: LessonOptions
    /// A lost episode, and its task's start state.
    private let episodes: [(start: any Tool, trace: Trace)]
    private let mistakes: Int
    private let demonstrator: Demonstrator

    /// Takes the lost episodes whose tasks have a known way to a solved state.
    ///
    /// - Parameters:
    ///   - traces: episodes of any number of runs.
    ///   - tasks: the tasks that may be used, as start states.
    ///   - mistakes: the most commands of the model's own that a demonstration begins with.
    /// - Throws: ``ToolTaskError`` when no episode is left.
    public init(
        _ traces: [Trace], tasks: [any Tool], mistakes: Int, options: LessonOptions, sandbox: PythonSandbox
    ) async throws {
        let known = Dictionary(tasks.map { ($0.id, $0) }) { first, _ in first }
        var lost = traces.compactMap { trace -> (start: any Tool, trace: Trace)? in
            guard !trace.solved, let start = known[trace.task], start.state == trace.initialState, start.oracle != nil
            else { return nil }
            return (start, trace)
        }
        guard !lost.isEmpty else {
            throw ToolTaskError(
                .nothingUsable,
                "of \(traces.count) episodes none was lost on a task with a known solution; nothing can be corrected")
        }
        // The tools check the tasks, and limit what judging their states may cost.
        var own = options
        (own.family, own.recovery) = (nil, 0)
        var checked: [String: any Tool] = [:]
        for (_, starts) in Dictionary(grouping: lost.map(\.start), by: { type(of: $0).name }) {
            var ids: Set<String> = []
            let starts = starts.filter { ids.insert($0.id).inserted }
            let teacher = try await type(of: starts[0]).teacher(of: starts, own, in: sandbox) { _, _ in }
            for task in teacher.tasks { checked[task.id] = task }
        }
        lost = lost.compactMap { episode in checked[episode.start.id].map { ($0, episode.trace) } }
        episodes = lost
        self.options = options
        self.mistakes = mistakes
        demonstrator = Demonstrator(sandbox: sandbox, prompt: options.prompt)
    }

    /// The episodes that can be corrected; draws take them in turn.
    public var count: Int { episodes.count }

    public func demonstration(_ index: Int) async throws -> Demonstration? {
        var generator = SeededGenerator(seed: options.seed, stream: UInt64(index))
        let (start, trace) = episodes[index % episodes.count]
        let turns = trace.turns.prefix(mistakes).prefix { !$0.isExit }
        guard !turns.isEmpty else { return nil }
        // After many mistakes the way out can be too long for an episode; after fewer of them it is shorter.
        for length in (1...1 + generator.below(turns.count)).reversed() {
            var tool = start
            for turn in turns.prefix(length) where turn.error == nil {
                if let command = turn.command { _ = try? tool.apply(command) }
            }
            let own = turns.prefix(length).map { Step($0.completion.text, learn: false) }
            guard let way = tool.expert(turns[length - 1].verdict, using: &generator),
                let played = try await demonstrator.play(start, steps: own + way)
            else { continue }
            return Demonstration(
                played, from: start, kind: "correction", mark: "!", options: options, index: index)
        }
        return nil
    }
}
