public import Foundation
public import PythonSandbox
import Runs
public import StatefulTools

/// Plays every task of a set several times and counts how many episodes are solved.
///
/// The run folder holds `run.json` (the configuration), `tasks.jsonl` (the tasks that are played), `traces.jsonl`, to
/// which each episode is appended as it ends, and `starts.jsonl`. Started again on the same folder with the same
/// configuration, an evaluation plays the episodes that are missing or broke.
public struct Evaluation: Sendable {
    public var configuration: EvaluationConfiguration
    public var policy: any Policy
    public var sandbox: PythonSandbox
    /// Episodes played at the same time.
    public var concurrency: Int
    /// For `resample`: the run whose tokens are spent again.
    public var budget: TokenBudget?
    /// Is told, before the first episode, what was done to the set, as a sentence.
    public var announce: @Sendable (String) -> Void = { _ in }
    /// The run ends after this many broken episodes in a row: then the episodes are not at fault.
    static let brokenInARow = 20

    public init(
        _ configuration: EvaluationConfiguration, policy: any Policy, sandbox: PythonSandbox, concurrency: Int = 8,
        budget: TokenBudget? = nil
    ) {
        self.configuration = configuration
        self.policy = policy
        self.sandbox = sandbox
        self.concurrency = concurrency
        self.budget = budget
    }

    /// Plays the missing episodes in `folder` and sums up.
    ///
    /// An episode that breaks, for whatever reason, is recorded with the reason and counts as not solved.
    ///
    /// - Parameters:
    ///   - tasks: the whole set; the configuration says which of them are played.
    ///   - shouldStop: asked before each new episode; when true, running episodes are finished and saved, and
    ///     `interrupted` is thrown.
    ///   - observe: is told each finished episode and how many of how many are finished.
    /// - Throws: ``EvaluationError``; `RunError` when the folder can't be read or written.
    public func run(
        _ tasks: [any Tool], folder: URL, shouldStop: @escaping @Sendable () -> Bool = { false },
        observe: (Trace, _ finished: Int, _ of: Int) -> Void = { _, _, _ in }
    ) async throws -> EvaluationSummary {
        let starts = try await FaultyStarts(selection(of: tasks), seed: configuration.seed, in: sandbox)
        starts.notes.forEach(announce)
        let tasks = starts.tasks
        if tasks.isEmpty {
            throw EvaluationError(
                .nothingSelected,
                "Every start state of \(configuration.set) passes already, so a player who does nothing would solve them "
                    + "all: name a set of faulty ones.")
        }
        let lock = try RunFolder(folder).makeAndLock()
        defer { withExtendedLifetime(lock) {} }
        var run = try EvaluationRun.resume(configuration, tasks: tasks, folder: folder)
        run.traces.removeAll { $0.exit == .broken }
        let finished = Set(run.traces.map(EpisodeID.init))
        var missing = tasks.flatMap { task in (0..<configuration.samples).map { (task, $0) } }
            .filter { !finished.contains(EpisodeID(task: $0.0.id, sample: $0.1)) }[...]
        let total = tasks.count * configuration.samples
        let file = TraceFile(folder: folder)
        let before = run.traces.count
        if !missing.isEmpty { try RunFolder(folder).noteStart(advice: EvaluationRun.advice) }
        let start = ContinuousClock.now

        try await withThrowingTaskGroup(of: Trace.self) { group in
            var running = 0
            var broken = 0
            while true {
                while running < concurrency, !shouldStop(), let (task, sample) = missing.popFirst() {
                    group.addTask { try await play(task, sample) }
                    running += 1
                }
                guard running > 0, let trace = try await group.next() else { break }
                running -= 1
                try file.append(trace)
                run.traces.append(trace)
                observe(trace, run.traces.count, total)
                broken = trace.exit == .broken ? broken + 1 : 0
                if broken == Self.brokenInARow {
                    throw EvaluationError(
                        .allBroken,
                        "\(broken) episodes in a row broke, the last with: \(trace.error ?? "") "
                            + "When that is mended, the same command plays them again.")
                }
            }
        }
        if run.traces.count > before {
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            run.starts.append(.init(seconds: seconds, episodes: run.traces.count - before, concurrency: concurrency))
            try run.writeStarts(to: folder)
        }
        if !missing.isEmpty {
            throw EvaluationError(
                .interrupted,
                "Stopped after \(run.traces.count) of \(total) episodes; the same command goes on from there.")
        }
        return EvaluationSummary(run)
    }

    /// The tasks to play.
    private func selection(of tasks: [any Tool]) throws -> [any Tool] {
        let selected = configuration.selection(of: tasks)
        if selected.isEmpty {
            let shard = configuration.shard.map { "Shard \($0) of \(configuration.set)" } ?? configuration.set
            throw EvaluationError(
                .nothingSelected,
                "\(shard) holds no task to play: take fewer shards, or a set with more tasks.")
        }
        if configuration.method == .resample { try budget?.check(selected, samples: configuration.samples) }
        return selected
    }

    /// Plays one episode; a fault of this episode alone ends in its trace.
    private func play(_ task: any Tool, _ sample: Int) async throws -> Trace {
        let seed = seed(task, sample)
        let exit: EpisodeExit
        let failure: String
        do {
            return try await play(task, sample, seed)
        } catch is CancellationError {
            throw CancellationError()
        } catch let error as PolicyError where error.code == .unavailable {
            throw error
        } catch let error as SandboxError {
            // Without a sandbox no episode can be judged; a fault of one task must not end a run of hundreds.
            guard [.unusableTests, .workerBroken].contains(error.code) else { throw error }
            exit = error.code == .unusableTests ? .unusableTests : .broken
            failure = error.description
        } catch {
            exit = .broken
            failure = "\(error)"
        }
        var trace = Trace(
            start: task, sample: sample, seed: seed, method: configuration.method.rawValue, policy: policy.name,
            initialVerdict: nil, turns: [], exit: exit)
        trace.error = failure
        return trace
    }

    private func play(_ task: any Tool, _ sample: Int, _ seed: UInt64) async throws -> Trace {
        let temperature = configuration.temperature
        switch configuration.method {
        case .coe:
            return try await EpisodePlayer(
                policy: policy, sandbox: sandbox, options: configuration.options, maxTokens: configuration.maxTokens
            ).play(task, sample: sample, sampling: .commands(temperature: temperature, seed: seed))
        case .search:
            let episodes = EpisodePlayer(
                policy: policy, sandbox: sandbox, options: configuration.options, maxTokens: configuration.maxTokens)
            return try await SearchPlayer(episodes, budget: configuration.commands ?? 80)
                .play(task, sample: sample, seed: seed)
        case .oracle:
            guard let commands = task.oracle else {
                throw EvaluationError(
                    .noSolution, "No solution of the task \(task.id) is known, so there is no oracle for it.")
            }
            // To its end, so that the final state is the solution itself.
            var options = configuration.options
            options.turns = commands.count
            options.endsAtFirstPass = false
            options.isConstrained = false
            var trace = try await EpisodePlayer(
                policy: ScriptedPolicy(name: policy.name, completions: commands), sandbox: sandbox, options: options
            ).play(task, sample: sample, sampling: .commands(temperature: temperature, seed: seed))
            trace.method = configuration.method.rawValue
            return trace
        case .direct, .think, .resample:
            return try await AnswerPlayer(
                policy: policy, sandbox: sandbox, form: configuration.answerForm ?? .feedback,
                thinks: configuration.method == .think, maxTokens: configuration.maxTokens
            ).play(
                task, sample: sample, method: configuration.method.rawValue,
                sampling: SamplingParameters(temperature: temperature, seed: seed),
                budget: configuration.method == .resample ? budget?[task.id, sample] : nil)
        }
    }

    /// A seed of its own for each episode, the same whatever else is played.
    private func seed(_ task: any Tool, _ sample: Int) -> UInt64 {
        var random = SeededGenerator(
            seed: configuration.seed ^ StableHash(task.id).value, stream: UInt64(sample))
        return random.next()
    }
}
