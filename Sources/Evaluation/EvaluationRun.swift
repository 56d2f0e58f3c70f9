public import Foundation
import Runs
public import StatefulTools

/// An evaluation's folder as it is on disk.
public struct EvaluationRun: Sendable {
    public var configuration: EvaluationConfiguration
    /// The start states of the tasks that belong to the run.
    public var tasks: [any Tool]
    /// One an episode.
    public var traces: [Trace]
    /// What each finished start took.
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
        configuration: EvaluationConfiguration, tasks: [any Tool], traces: [Trace], starts: [Start] = []
    ) {
        self.configuration = configuration
        self.tasks = tasks
        self.traces = traces
        self.starts = starts
    }

    private static func settingsFile(_ folder: URL) -> URL { folder.appending(path: "run.json") }
    private static func taskFile(_ folder: URL) -> URL { folder.appending(path: "tasks.jsonl") }
    private static func startFile(_ folder: URL) -> URL { folder.appending(path: "starts.jsonl") }

    // MARK: - Reading

    /// Reads a run's folder.
    ///
    /// - Parameter tools: the tools that the tasks may be for.
    /// - Throws: ``EvaluationError`` when it is none, or one of an older coe; `RunError` and `ToolTaskError` when a file of
    ///   it is damaged.
    public init(folder: URL, tools: Toolbox) throws {
        let path = folder.path(percentEncoded: false)
        guard let configuration = try Self.configuration(in: folder) else {
            throw EvaluationError(.noRun, "\(path) is no run folder: there is no run.json in it.")
        }
        self.init(
            configuration: configuration, tasks: try Self.tasks(in: folder, tools: tools),
            traces: try TraceFile(folder: folder).read(), starts: Self.starts(in: folder))
    }

    /// The start states of a run folder's tasks; none where the folder has no task file.
    ///
    /// - Parameter tools: the tools that the tasks may be for.
    public static func tasks(in folder: URL, tools: Toolbox) throws -> [any Tool] {
        let file = taskFile(folder)
        let isThere = FileManager.default.fileExists(atPath: file.path(percentEncoded: false))
        return isThere ? try tools.load(file: file) : []
    }

    /// The configuration in a folder; nil where there is none.
    private static func configuration(in folder: URL) throws -> EvaluationConfiguration? {
        guard let data = try? Data(contentsOf: settingsFile(folder)) else { return nil }
        let path = folder.path(percentEncoded: false)
        do {
            let configuration = try JSONDecoder().decode(EvaluationConfiguration.self, from: data)
            for (name, value) in [
                ("samples", configuration.samples), ("options.turns", configuration.options.turns),
                ("maxTokens", configuration.maxTokens), ("commands", configuration.commands ?? 1),
            ] where !(1...1_000_000).contains(value) {
                throw EvaluationError(
                    .badSetting,
                    "\(path) holds no evaluation: its run.json gives \(name) as \(value), where 1 to 1000000 is possible."
                )
            }
            return configuration
        } catch let error as EvaluationError {
            throw error
        } catch {
            // The turns had another name before format 2.
            if let settings = try? JSONDecoder().decode(JSONValue.self, from: data),
                settings["method"] != nil, settings["options"]?["maxTurns"] != nil
            {
                throw EvaluationError(
                    .oldFormat,
                    "\(path) holds an evaluation of an older coe: play it again into another folder, or read it with the coe "
                        + "that wrote it.")
            }
            throw EvaluationError(
                .noRun, "\(path) holds no evaluation: in its run.json \(ToolTaskError.sentence(error)).")
        }
    }

    private static func starts(in folder: URL) -> [Start] {
        guard let data = try? Data(contentsOf: startFile(folder)) else { return [] }
        return data.split(separator: 0x0A).compactMap { try? JSONDecoder().decode(Start.self, from: Data($0)) }
    }

    /// Makes the folder, or reads back what an earlier start with the same settings finished.
    ///
    /// - Throws: ``EvaluationError`` when the folder holds a run with other settings or tasks.
    static func resume(_ configuration: EvaluationConfiguration, tasks: [any Tool], folder: URL) throws -> Self {
        let path = folder.path(percentEncoded: false)
        let held = try Self.configuration(in: folder)
        if let held {
            let changed = InputDigest.changed(held.inputs, configuration.inputs)
            guard changed.isEmpty else {
                throw EvaluationError(.foreignFolder, InputDigest.sentence(changed, folder: path))
            }
            var asked = configuration
            asked.inputs = held.inputs
            guard held == asked else {
                throw EvaluationError(
                    .foreignFolder,
                    "\(path) holds a run with other settings (see its run.json); give another folder, or the same "
                        + "settings to go on with it.")
            }
            var heldTasks: [ToolTask] = []
            try JSONLines.forEach(in: taskFile(folder)) { line in
                heldTasks.append(try JSONDecoder().decode(ToolTask.self, from: line))
                return true
            }
            guard heldTasks == tasks.map(\.task) else {
                throw EvaluationError(
                    .foreignFolder,
                    "\(path) holds a run over other tasks (see its tasks.jsonl): the set has changed since. Give "
                        + "another folder.")
            }
        }
        let known = Set(tasks.map(\.id))
        let traces = try TraceFile(folder: folder).read()
        guard held != nil || traces.isEmpty else {
            throw EvaluationError(
                .foreignFolder,
                "\(path) holds a traces.jsonl and no run.json that says how it was played; put that back, or give another "
                    + "folder.")
        }
        let run = Self(
            configuration: configuration, tasks: tasks,
            traces: traces.filter { known.contains($0.task) && $0.sample < configuration.samples },
            starts: starts(in: folder))
        if held == nil { try run.write(to: folder) }
        return run
    }

    // MARK: - Writing

    static let advice = "When that is mended, the same command goes on with what is there."

    private static func write(_ values: [some Encodable], to file: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try values.reduce(into: Data()) { $0 += try encoder.encode($1) + [0x0A] }.write(to: file, options: .atomic)
    }

    func writeStarts(to folder: URL) throws {
        if starts.isEmpty { return }
        try RunFolder(folder).writing(advice: Self.advice) { try Self.write(starts, to: Self.startFile(folder)) }
    }

    /// Writes the whole run into `folder`, which is made. The configuration comes last: a folder with it is whole.
    ///
    /// - Throws: `RunError` with code `unwritable`.
    public func write(to folder: URL) throws {
        try RunFolder(folder).writing(advice: Self.advice) { try writeAll(to: folder) }
    }

    private func writeAll(to folder: URL) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Self.write(tasks.map(\.task), to: Self.taskFile(folder))
        try TraceFile(folder: folder).write(traces)
        try writeStarts(to: folder)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(configuration).write(to: Self.settingsFile(folder), options: .atomic)
    }
}
