public import Episodes
public import Foundation
import PythonSandbox
public import RepairTasks

/// Which episode of a run.
public struct EpisodeID: Hashable, Sendable {
    public var task: String
    public var sample: Int

    public init(task: String, sample: Int) {
        self.task = task
        self.sample = sample
    }

    public init(_ trace: Trace) { self.init(task: trace.task, sample: trace.sample) }
}

/// An evaluation's folder as it is on disk.
public struct EvaluationRun: Sendable {
    public var configuration: EvaluationConfiguration
    /// The tasks that belong to the run. Of a folder that lacks them (an older one), they are known by what the traces
    /// say: id and faulty program.
    public var tasks: [RepairTask]
    /// One an episode.
    public var traces: [Trace]
    /// What each start took, of those that came to an end; none in an older folder.
    public var starts: [Start]

    /// One start of a run: a line of `starts.jsonl`.
    public struct Start: Hashable, Sendable, Codable {
        /// Wall clock.
        public var seconds: Double
        /// Episodes that it finished.
        public var episodes: Int
        /// Episodes that it played at the same time.
        public var concurrency: Int
    }

    public init(
        configuration: EvaluationConfiguration, tasks: [RepairTask], traces: [Trace], starts: [Start] = []
    ) {
        self.configuration = configuration
        self.tasks = tasks
        self.traces = traces
        self.starts = starts
    }

    static func settingsFile(_ folder: URL) -> URL { folder.appending(path: "run.json") }
    static func taskFile(_ folder: URL) -> URL { folder.appending(path: "tasks.jsonl") }
    static func traceFile(_ folder: URL) -> URL { folder.appending(path: "traces.jsonl") }
    static func startFile(_ folder: URL) -> URL { folder.appending(path: "starts.jsonl") }

    /// Reads a run's folder.
    ///
    /// - Throws: ``EvaluationError`` when it is none.
    public init(folder: URL) throws {
        let path = folder.path(percentEncoded: false)
        guard let settings = try? Data(contentsOf: Self.settingsFile(folder)) else {
            throw EvaluationError(.noRun, "\(path) is no run folder: there is no run.json in it.")
        }
        do {
            configuration = try JSONDecoder().decode(EvaluationConfiguration.self, from: settings)
        } catch {
            throw EvaluationError(.noRun, "\(path) holds no evaluation: its run.json has other settings.")
        }
        traces = try Self.traces(in: folder)
        starts = Self.starts(in: folder)
        if FileManager.default.fileExists(atPath: Self.taskFile(folder).path(percentEncoded: false)) {
            tasks = try RepairTask.load(from: Self.taskFile(folder))
        } else {
            tasks = Self.tasks(of: traces)
        }
    }

    /// The traces in a folder, the last of each episode; a line that a crash cut off is left out.
    ///
    /// - Throws: ``EvaluationError`` at a whole line that is no trace.
    public static func traces(in folder: URL) throws -> [Trace] {
        guard let data = try? Data(contentsOf: traceFile(folder)) else { return [] }
        let whole = data[..<(data.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0)]
        var traces: [Trace] = []
        var places: [EpisodeID: Int] = [:]
        let decoder = JSONDecoder()
        for (number, line) in whole.split(separator: 0x0A).enumerated() {
            let trace: Trace
            do {
                trace = try decoder.decode(Trace.self, from: Data(line))
            } catch {
                throw EvaluationError(
                    .noRun,
                    "\(traceFile(folder).path(percentEncoded: false)), line \(number + 1): it is no trace: \(error)")
            }
            if let place = places[EpisodeID(trace)] {
                traces[place] = trace
            } else {
                places[EpisodeID(trace)] = traces.count
                traces.append(trace)
            }
        }
        return traces
    }

    /// What traces tell about their tasks: ids and faulty programs, in the traces' order.
    public static func tasks(of traces: [Trace]) -> [RepairTask] {
        var known: Set<String> = []
        return traces.filter { known.insert($0.task).inserted }.map {
            RepairTask(id: $0.task, prompt: "", program: $0.initialProgram, tests: .statements([]))
        }
    }

    /// Makes the folder, or reads back what an earlier start with the same settings finished.
    ///
    /// - Throws: ``EvaluationError`` when the folder holds a run with other settings or tasks.
    static func resume(_ configuration: EvaluationConfiguration, tasks: [RepairTask], folder: URL) throws -> Self {
        let path = folder.path(percentEncoded: false)
        let manager = FileManager.default
        if let settings = try? Data(contentsOf: settingsFile(folder)) {
            guard (try? JSONDecoder().decode(EvaluationConfiguration.self, from: settings)) == configuration else {
                throw EvaluationError(
                    .foreignFolder,
                    "\(path) holds a run with other settings (see its run.json); give another folder, or the same "
                        + "settings to go on with it.")
            }
            if manager.fileExists(atPath: taskFile(folder).path(percentEncoded: false)) {
                guard try RepairTask.load(from: taskFile(folder)) == tasks else {
                    throw EvaluationError(
                        .foreignFolder,
                        "\(path) holds a run over other tasks (see its tasks.jsonl): the set has changed since. Give "
                            + "another folder.")
                }
            }
        }
        let data = try? Data(contentsOf: traceFile(folder))
        // A line that a crash cut off is dropped, and its episode is played again.
        if let data, let last = data.last, last != 0x0A {
            try data[..<(data.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0)].write(to: traceFile(folder), options: .atomic)
        }
        let known = Set(tasks.map(\.id))
        let run = Self(
            configuration: configuration, tasks: tasks,
            traces: try traces(in: folder).filter { known.contains($0.task) && $0.sample < configuration.samples },
            starts: starts(in: folder))
        if data == nil { try run.write(to: folder) }
        return run
    }

    private static func starts(in folder: URL) -> [Start] {
        guard let data = try? Data(contentsOf: startFile(folder)) else { return [] }
        return data.split(separator: 0x0A).compactMap { try? JSONDecoder().decode(Start.self, from: Data($0)) }
    }

    private static func lines(_ values: [some Encodable]) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try values.reduce(into: Data()) { $0 += try encoder.encode($1) + [0x0A] }
    }

    func writeStarts(to folder: URL) throws {
        if !starts.isEmpty { try Self.lines(starts).write(to: Self.startFile(folder), options: .atomic) }
    }

    /// Writes the whole run into `folder`, which is made.
    public func write(to folder: URL) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // A task without tests (see `tasks(of:)`) has no form in a task file.
        if !tasks.contains(where: { $0.tests == .statements([]) }) {
            try Self.lines(tasks).write(to: Self.taskFile(folder), options: .atomic)
        }
        try Self.lines(traces).write(to: Self.traceFile(folder), options: .atomic)
        try writeStarts(to: folder)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(configuration).write(to: Self.settingsFile(folder), options: .atomic)
    }

    /// Joins the shards of one run.
    ///
    /// - Throws: ``EvaluationError`` when they are not all shards of one run; it says which are missing.
    public init(merging shards: [EvaluationRun]) throws {
        guard var configuration = shards.first?.configuration, let first = configuration.shard else {
            throw EvaluationError(
                .mismatchedShards, "These are no shards: run each part with --shard i/n and name all its folders.")
        }
        configuration.shard = nil
        var parts: [Int: EvaluationRun] = [:]
        for run in shards {
            var other = run.configuration
            other.shard = nil
            guard other == configuration, let shard = run.configuration.shard, shard.count == first.count else {
                throw EvaluationError(
                    .mismatchedShards,
                    "The folders hold runs with different settings; only shards of one run can be joined.")
            }
            guard parts.updateValue(run, forKey: shard.index) == nil else {
                throw EvaluationError(.mismatchedShards, "The shard \(shard) is given twice.")
            }
            let missing = run.tasks.count * configuration.samples - run.traces.count
            if missing > 0 {
                throw EvaluationError(
                    .mismatchedShards,
                    "The shard \(shard) still lacks \(missing) episodes; start its command again to finish it.")
            }
        }
        let missing = (1...first.count).filter { parts[$0] == nil }
        guard missing.isEmpty else {
            throw EvaluationError(
                .mismatchedShards,
                "Of \(first.count) shards these are missing: \(missing.map(String.init).joined(separator: ", ")).")
        }
        let ordered = (1...first.count).compactMap { parts[$0] }
        // Shards were dealt out one by one.
        var tasks: [RepairTask] = []
        for round in 0..<(ordered.map(\.tasks.count).max() ?? 0) {
            tasks += ordered.compactMap { $0.tasks.indices.contains(round) ? $0.tasks[round] : nil }
        }
        self.init(
            configuration: configuration, tasks: tasks, traces: ordered.flatMap(\.traces),
            starts: ordered.flatMap(\.starts))
    }
}
