public import Episodes
public import Foundation
public import PythonSandbox
public import RepairTasks

/// How a policy is to repair programs.
public enum EvaluationMethod: String, CaseIterable, Hashable, Sendable, Codable {
    /// Chain-of-Edits: commands of the line editor, with the tests' answer after each.
    case coe
    /// The whole corrected program in one answer.
    case direct
}

/// What an evaluation does: the content of `run.json`. With it the run can be run again.
public struct EvaluationConfiguration: Hashable, Sendable, Codable {
    public var set: String
    public var method: EvaluationMethod
    public var model: String
    public var adapter: String?
    public var samples: Int
    public var temperature: Double
    /// The first tasks of the set that are played; all when nil.
    public var limit: Int?
    public var seed: UInt64
    public var options: EpisodeOptions
    /// The most tokens of one completion.
    public var maxTokens: Int

    public init(
        set: String, method: EvaluationMethod, model: String, adapter: String? = nil, samples: Int = 1,
        temperature: Double = 0, limit: Int? = nil, seed: UInt64 = 0,
        options: EpisodeOptions = EpisodeOptions(endsAtFirstPass: true), maxTokens: Int? = nil
    ) {
        self.set = set
        self.method = method
        self.model = model
        self.adapter = adapter
        self.samples = samples
        self.temperature = temperature
        self.limit = limit
        self.seed = seed
        self.options = options
        self.maxTokens = maxTokens ?? (method == .coe ? 128 : 768)
    }
}

/// Why an evaluation can't go on, as a full sentence.
public struct EvaluationError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable {
        /// The folder holds something else.
        case foreignFolder
        /// It was asked to stop; what is finished is saved.
        case interrupted
    }

    public var code: Code
    public var description: String
}

/// Plays every task of a set several times and counts what was solved.
///
/// The run folder holds `run.json` (the configuration) and `traces.jsonl`, to which each episode is appended as it
/// ends. Started again on the same folder with the same configuration, it plays only what is missing.
public struct Evaluation: Sendable {
    public var configuration: EvaluationConfiguration
    public var policy: any Policy
    public var sandbox: PythonSandbox
    public var limits = SandboxLimits()
    /// Episodes played at the same time.
    public var concurrency: Int

    public init(
        _ configuration: EvaluationConfiguration, policy: any Policy, sandbox: PythonSandbox, concurrency: Int = 8
    ) {
        self.configuration = configuration
        self.policy = policy
        self.sandbox = sandbox
        self.concurrency = concurrency
    }

    /// Plays what is missing in `folder` and sums up.
    ///
    /// - Parameters:
    ///   - shouldStop: asked before each new episode; when true, those that run are finished and saved, and
    ///     `interrupted` is thrown.
    ///   - observe: is told each finished episode and how many of how many are finished.
    public func run(
        _ tasks: [RepairTask], folder: URL, shouldStop: @escaping @Sendable () -> Bool = { false },
        observe: (Trace, _ finished: Int, _ of: Int) -> Void = { _, _, _ in }
    ) async throws -> EvaluationSummary {
        let start = ContinuousClock.now
        var traces = try open(folder)
        let known = Set(tasks.map(\.id))
        traces.removeAll { !known.contains($0.task) || $0.sample >= configuration.samples }
        let finished = Set(traces.map { [$0.task, "\($0.sample)"] })
        var missing = tasks.flatMap { task in (0..<configuration.samples).map { (task, $0) } }
            .filter { !finished.contains([$0.0.id, "\($0.1)"]) }[...]
        let total = tasks.count * configuration.samples
        let file = try FileHandle(forWritingTo: folder.appending(path: "traces.jsonl"))
        defer { try? file.close() }
        try file.seekToEnd()

        try await withThrowingTaskGroup(of: Trace.self) { group in
            var running = 0
            while true {
                while running < concurrency, !shouldStop(), let (task, sample) = missing.popFirst() {
                    group.addTask { try await play(task, sample) }
                    running += 1
                }
                guard running > 0, let trace = try await group.next() else { break }
                running -= 1
                try file.write(contentsOf: JSONEncoder().encode(trace) + [0x0A])
                traces.append(trace)
                observe(trace, traces.count, total)
            }
        }
        if !missing.isEmpty {
            throw EvaluationError(
                code: .interrupted,
                description: "Stopped after \(traces.count) of \(total) episodes; the same command goes on from there.")
        }
        return EvaluationSummary(
            configuration, tasks: tasks.map(\.id), traces: traces,
            seconds: (ContinuousClock.now - start) / .seconds(1))
    }

    private func play(_ task: RepairTask, _ sample: Int) async throws -> Trace {
        let sampling = SamplingParameters(
            temperature: configuration.temperature, seed: seed(task, sample),
            stop: configuration.method == .coe ? ["\n"] : [])
        do {
            switch configuration.method {
            case .coe:
                return try await EpisodeRunner(
                    policy: policy, sandbox: sandbox, options: configuration.options, limits: limits,
                    maxTokens: configuration.maxTokens
                ).play(task, sample: sample, sampling: sampling)
            case .direct:
                return try await DirectAnswer.play(
                    task, sample: sample, sampling: sampling, policy: policy, sandbox: sandbox, limits: limits,
                    maxTokens: configuration.maxTokens)
            }
        } catch let error as SandboxError where error.code == .unusableTests {
            // A fault of one task must not end a run of hundreds; its trace says so.
            return Trace(
                task: task.id, sample: sample, seed: sampling.seed, method: configuration.method.rawValue,
                policy: policy.name, initialProgram: task.program, initialReport: nil, turns: [],
                finalProgram: task.program, finalReport: nil, exit: .unusableTests, error: error.description, seconds: 0
            )
        }
    }

    /// A seed of its own for each episode, the same whatever else is played.
    private func seed(_ task: RepairTask, _ sample: Int) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in task.id.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        var random = SeededGenerator(seed: configuration.seed ^ hash, stream: UInt64(sample))
        return random.next()
    }

    /// Makes the folder, or reads back the finished episodes of an earlier start.
    private func open(_ folder: URL) throws -> [Trace] {
        let run = folder.appending(path: "run.json")
        let file = folder.appending(path: "traces.jsonl")
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        if let data = try? Data(contentsOf: run) {
            guard (try? JSONDecoder().decode(EvaluationConfiguration.self, from: data)) == configuration else {
                throw EvaluationError(
                    code: .foreignFolder,
                    description: "\(folder.path(percentEncoded: false)) holds a run with other settings (see its "
                        + "run.json); give another folder, or the same settings to go on with it.")
            }
        } else {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try encoder.encode(configuration).write(to: run, options: .atomic)
        }
        guard let data = try? Data(contentsOf: file) else {
            try Data().write(to: file)
            return []
        }
        // A line that a crash cut off is dropped, in the file too, and its episode is played again.
        let whole = data[..<(data.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0)]
        if whole.count < data.count { try whole.write(to: file, options: .atomic) }
        return whole.split(separator: 0x0A).compactMap { try? JSONDecoder().decode(Trace.self, from: Data($0)) }
    }
}
