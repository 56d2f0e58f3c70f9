public import Episodes
public import Foundation
public import PythonSandbox
public import RepairTasks

/// Plays every task of a set several times and counts what was solved.
///
/// The run folder holds `run.json` (the configuration), `tasks.jsonl` (the tasks that are played) and `traces.jsonl`, to
/// which each episode is appended as it ends. Started again on the same folder with the same configuration, it plays
/// only what is missing, and what broke.
public struct Evaluation: Sendable {
    public var configuration: EvaluationConfiguration
    public var policy: any Policy
    public var sandbox: PythonSandbox
    public var limits = SandboxLimits()
    /// Episodes played at the same time.
    public var concurrency: Int
    /// For `resample`: the run whose tokens are spent again.
    public var budget: TokenBudget?
    /// So many episodes in a row that break end the run: then it is not the episode that is at fault.
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

    /// Plays what is missing in `folder` and sums up.
    ///
    /// An episode that breaks, for whatever reason, is recorded with the reason and counts as not solved.
    ///
    /// - Parameters:
    ///   - tasks: the whole set; the configuration says which of them are played.
    ///   - shouldStop: asked before each new episode; when true, those that run are finished and saved, and
    ///     `interrupted` is thrown.
    ///   - observe: is told each finished episode and how many of how many are finished.
    public func run(
        _ tasks: [RepairTask], folder: URL, shouldStop: @escaping @Sendable () -> Bool = { false },
        observe: (Trace, _ finished: Int, _ of: Int) -> Void = { _, _, _ in }
    ) async throws -> EvaluationSummary {
        let tasks = configuration.selection(of: tasks)
        if configuration.method == .resample {
            try budget?.check(tasks, samples: configuration.samples)
        }
        var run = try EvaluationRun.resume(configuration, tasks: tasks, folder: folder)
        run.traces.removeAll { $0.exit == .broken }
        let finished = Set(run.traces.map(EpisodeID.init))
        var missing = tasks.flatMap { task in (0..<configuration.samples).map { (task, $0) } }
            .filter { !finished.contains(EpisodeID(task: $0.0.id, sample: $0.1)) }[...]
        let total = tasks.count * configuration.samples
        let file = try FileHandle(forWritingTo: EvaluationRun.traceFile(folder))
        defer { try? file.close() }
        try file.seekToEnd()
        let before = run.traces.count
        let start = ContinuousClock.now
        func note() throws {
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            run.starts.append(.init(seconds: seconds, episodes: run.traces.count - before, concurrency: concurrency))
            try run.writeStarts(to: folder)
        }

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
                try file.write(contentsOf: JSONEncoder().encode(trace) + [0x0A])
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
        if run.traces.count > before { try note() }
        if !missing.isEmpty {
            throw EvaluationError(
                .interrupted,
                "Stopped after \(run.traces.count) of \(total) episodes; the same command goes on from there.")
        }
        return EvaluationSummary(run)
    }

    private func play(_ task: RepairTask, _ sample: Int) async throws -> Trace {
        let sampling = SamplingParameters(
            temperature: configuration.temperature, seed: seed(task, sample),
            stop: configuration.method.answersWithPrograms ? [] : ["\n"])
        let exit: EpisodeExit
        let failure: String
        do {
            return try await play(task, sample, sampling)
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
        return Trace(
            task: task.id, sample: sample, seed: sampling.seed, method: configuration.method.rawValue,
            policy: policy.name, initialProgram: task.program, initialReport: nil, turns: [],
            finalProgram: task.program, finalReport: nil, exit: exit, error: failure, seconds: 0)
    }

    private func play(_ task: RepairTask, _ sample: Int, _ sampling: SamplingParameters) async throws -> Trace {
        switch configuration.method {
        case .coe:
            return try await EpisodeRunner(
                policy: policy, sandbox: sandbox, options: configuration.options, limits: limits,
                maxTokens: configuration.maxTokens
            ).play(task, sample: sample, sampling: sampling)
        case .oracle:
            guard let commands = task.oracle else {
                throw EvaluationError(.noReference, "The task \(task.id) has no reference to take the edits from.")
            }
            // To its end, so that the final program is the reference itself.
            var options = configuration.options
            options.maxTurns = commands.count
            options.endsAtFirstPass = false
            options.isConstrained = false
            var trace = try await EpisodeRunner(
                policy: ScriptedPolicy(name: policy.name, commands: commands), sandbox: sandbox, options: options,
                limits: limits
            ).play(task, sample: sample, sampling: sampling)
            trace.method = configuration.method.rawValue
            return trace
        case .direct, .think, .resample:
            return try await ProgramAnswer(
                policy: policy, sandbox: sandbox, form: configuration.answerForm ?? .feedback,
                method: configuration.method, limits: limits, maxTokens: configuration.maxTokens
            ).play(
                task, sample: sample, sampling: sampling,
                budget: configuration.method == .resample ? budget?[task.id, sample] : nil)
        }
    }

    /// A seed of its own for each episode, the same whatever else is played.
    private func seed(_ task: RepairTask, _ sample: Int) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in task.id.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        var random = SeededGenerator(seed: configuration.seed ^ hash, stream: UInt64(sample))
        return random.next()
    }
}

/// What `coe` used for each episode, for its rival `resample` to spend: the tokens it wrote, and those of the feedback
/// that it read after the opening, which cost a model as much as written ones.
public struct TokenBudget: Hashable, Sendable {
    private var tokens: [EpisodeID: Int] = [:]

    public init(_ traces: [Trace]) {
        for trace in traces {
            tokens[EpisodeID(trace)] =
                trace.tokens + trace.turns.dropFirst().reduce(0) { $0 + $1.completion.promptTokenIDs.count }
        }
    }

    public subscript(task: String, sample: Int) -> Int? { tokens[EpisodeID(task: task, sample: sample)] }

    /// - Throws: ``EvaluationError`` when an episode has no budget.
    func check(_ tasks: [RepairTask], samples: Int) throws {
        for task in tasks {
            for sample in 0..<samples where self[task.id, sample] == nil {
                throw EvaluationError(
                    .noBudget,
                    "The run whose tokens are to be spent has no episode of task \(task.id), sample \(sample): take the "
                        + "same set and at most its samples.")
            }
        }
    }
}
