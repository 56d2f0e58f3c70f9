import Episodes
public import Foundation
import LanguageModels
import Reports
import Tensors

/// The folder of a training run.
///
///     run.json                    the resolved configuration
///     metrics.jsonl               one JSON object a step: "step" and named numbers
///     events.out.tfevents.…       the same for TensorBoard
///     checkpoints/step-N/         adapter and optimiser, to resume from; whole or not there
///     checkpoints/best-step-N/    the adapter with the best validation so far
///     adapter/                    the best adapter in 16-bit floats, when the run is finished
public struct RunFolder: Sendable {
    public let url: URL

    public init(_ url: URL) { self.url = url }

    var path: String { url.path(percentEncoded: false) }
    var metricsFile: URL { url.appending(path: "metrics.jsonl") }
    var adapter: URL { url.appending(path: "adapter") }
    private var configurationFile: URL { url.appending(path: "run.json") }
    private var checkpoints: URL { url.appending(path: "checkpoints") }

    /// Refuses a folder with another run, or with this one where it is not to go on. Writes nothing.
    ///
    /// - Parameter mayDiffer: Settings, by their names in `run.json`, that can be others when a run goes on.
    func check(_ configuration: some Encodable, resume: Bool, mayDiffer: Set<String> = []) throws {
        guard let held = try? Data(contentsOf: configurationFile) else { return }
        guard resume else {
            throw TrainingError(
                .foreignFolder,
                "\(path) holds a run already; give --resume to go on with it, or another --out.")
        }
        let (old, new) = (try settings(held), try settings(json(configuration)))
        let names = Set(old.keys).union(new.keys).subtracting(mayDiffer)
        let others = names.filter { old[$0] != new[$0] }.sorted()
        guard others.isEmpty else {
            throw TrainingError(
                .foreignFolder,
                "\(path) holds a run with other settings (\(others.joined(separator: ", ")); see its run.json); "
                    + "resume it with the same ones, or give another --out.")
        }
    }

    /// Each setting as text: with a statically linked Foundation, equal dictionaries were found to differ.
    private func settings(_ json: Data) throws -> [String: Data] {
        guard let all = try? JSONSerialization.jsonObject(with: json) as? [String: Any] else {
            let file = configurationFile.path(percentEncoded: false)
            throw TrainingError(.foreignFolder, "\(file) can't be read; give another --out.")
        }
        return try all.mapValues {
            try JSONSerialization.data(withJSONObject: $0, options: [.sortedKeys, .fragmentsAllowed])
        }
    }

    /// Makes the folder of a run whose model and adapter are there: one that could not begin leaves nothing behind.
    func open(_ configuration: some Encodable) throws {
        try writing {
            try FileManager.default.createDirectory(at: checkpoints, withIntermediateDirectories: true)
            try json(configuration).write(to: configurationFile, options: .atomic)
        }
    }

    private func json(_ configuration: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(configuration)
    }

    /// What a checkpoint is there for, and how its name begins.
    enum Kind: String {
        /// To go on from: adapter and optimiser.
        case step = "step-"
        /// The adapter with the best validation so far.
        case best = "best-step-"
    }

    /// The newest whole checkpoint of a kind, and its step.
    func latest(_ kind: Kind = .step) throws -> (url: URL, step: Int)? {
        try all(kind).max { $0.step < $1.step }
    }

    private func all(_ kind: Kind) throws -> [(url: URL, step: Int)] {
        guard FileManager.default.fileExists(atPath: checkpoints.path(percentEncoded: false)) else { return [] }
        return try FileManager.default.contentsOfDirectory(at: checkpoints, includingPropertiesForKeys: nil).compactMap
        {
            let name = $0.lastPathComponent
            guard name.hasPrefix(kind.rawValue), let step = Int(name.dropFirst(kind.rawValue.count)) else { return nil }
            return ($0, step)
        }
    }

    /// Saves a checkpoint under its step: `write` fills a folder that then appears under its name at once. Older ones
    /// of its kind are removed.
    func save(_ kind: Kind = .step, step: Int, _ write: (URL) throws -> Void) throws {
        let name = "\(kind.rawValue)\(step)"
        let final = checkpoints.appending(path: name)
        let partial = checkpoints.appending(path: name + ".partial")
        let files = FileManager.default
        try writing {
            try? files.removeItem(at: partial)
            try files.createDirectory(at: partial, withIntermediateDirectories: true)
            do {
                try write(partial)
                if files.fileExists(atPath: final.path(percentEncoded: false)) { try files.removeItem(at: final) }
                try files.moveItem(at: partial, to: final)
            } catch {
                try? files.removeItem(at: partial)
                throw error
            }
            for older in try all(kind) where older.step != step { try files.removeItem(at: older.url) }
        }
    }

    /// Writes the adapter to be used, in 16-bit floats: the best by validation, else the last.
    func finish(_ card: AdapterCard, dropout: Double = 0) throws -> URL {
        guard let best = try latest(.best) ?? latest() else {
            throw TrainingError(.badData, "There was nothing to learn.")
        }
        let weights = try LoRAAdapter(path: best.url.path(percentEncoded: false))
        try writing {
            try weights.write(to: adapter, baseModel: card.model, dtype: .float16, dropout: dropout)
            try card.write(toAdapter: adapter)
        }
        return adapter
    }

    /// The loss is no number any more.
    func diverged(_ step: Int) throws -> TrainingError {
        let last = try latest().map {
            "The checkpoint of step \($0.step) is whole: \($0.url.path(percentEncoded: false))"
        }
        return TrainingError(
            .diverged,
            "The loss or its gradient is not a number any more in step \(step); try a lower learning rate. "
                + (last ?? "There is no checkpoint yet."))
    }

    /// Drops the metrics of steps after `step`, which are taken again, and what a crash left half written.
    func truncateMetrics(after step: Int) throws {
        struct Line: Decodable { var step: Int }
        guard let data = try? Data(contentsOf: metricsFile) else { return }
        let lines = data.split(separator: 0x0A).prefix {
            guard let line = try? JSONDecoder().decode(Line.self, from: $0) else { return false }
            return line.step <= step
        }
        let kept = lines.reduce(into: Data()) { $0 += $1 + [0x0A] }
        if kept.count < data.count { try writing { try kept.write(to: metricsFile, options: .atomic) } }
    }

    private static func sentence(_ error: any Error) -> String {
        (error as? TensorError)?.description ?? (error as? ReportError)?.description
            ?? (error as NSError).localizedDescription
    }

    /// Adds episodes of a step to `traces.jsonl`, of which `coe trace` shows each; those of a step that is taken again
    /// stand there twice.
    func append(_ traces: [Trace], step: Int) throws {
        let file = url.appending(path: "traces.jsonl")
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try writing {
            if !FileManager.default.fileExists(atPath: file.path(percentEncoded: false)) { try Data().write(to: file) }
            let handle = try FileHandle(forWritingTo: file)
            defer { try? handle.close() }
            try handle.seekToEnd()
            for var trace in traces {
                trace.sample += step * 1_000
                try handle.write(contentsOf: encoder.encode(trace) + [0x0A])
            }
        }
    }

    /// Turns a refusal of the disk into a sentence that says where the run stands.
    func writing<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as TrainingError {
            throw error
        } catch {
            let last = try? latest()
            throw TrainingError(
                .notWritable,
                "\(path) cannot be written: \(Self.sentence(error)) "
                    + (last.map { "The checkpoint of step \($0.step) is whole; --resume goes on from it." }
                        ?? "There is no checkpoint yet."))
        }
    }
}

/// Appends the numbers of each step to a run's metrics, and for TensorBoard.
final class MetricsWriter {
    private let folder: RunFolder
    private let handle: FileHandle
    private var tensorBoard: TensorBoardWriter
    private let encoder = JSONEncoder()

    init(_ folder: RunFolder) throws {
        self.folder = folder
        let path = folder.metricsFile.path(percentEncoded: false)
        handle = try folder.writing {
            if !FileManager.default.fileExists(atPath: path) { try Data().write(to: folder.metricsFile) }
            let handle = try FileHandle(forWritingTo: folder.metricsFile)
            try handle.seekToEnd()
            return handle
        }
        tensorBoard = try folder.writing { try TensorBoardWriter(folder: folder.url) }
        encoder.outputFormatting = [.sortedKeys]
    }

    deinit { try? handle.close() }

    func append(_ values: [String: Double], step: Int) throws {
        var line = values
        line["step"] = Double(step)
        try folder.writing {
            try handle.write(contentsOf: encoder.encode(line) + [0x0A])
            try tensorBoard.scalars(values, step: step)
        }
    }
}
