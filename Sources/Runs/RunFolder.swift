public import Foundation

/// The folder of a run.
///
///     run.json                    the resolved configuration; it can be run again as a recipe
///     traces.jsonl                episodes; see ``TraceFile``
///     metrics.jsonl               training: one JSON object a step, "step" and named numbers
///     events.out.tfevents.…       the same for TensorBoard
///     checkpoints/step-N/         adapter and optimiser, to resume from; whole or absent
///     checkpoints/best-step-N/    the adapter with the best validation so far
///     adapter/                    the best adapter in 16-bit floats, when the run is finished
public struct RunFolder: Sendable {
    public let url: URL

    public init(_ url: URL) { self.url = url }

    public var path: String { url.path(percentEncoded: false) }
    public var configurationFile: URL { url.appending(path: "run.json") }
    public var metricsFile: URL { url.appending(path: "metrics.jsonl") }
    public var adapter: URL { url.appending(path: "adapter") }
    public var traces: TraceFile { TraceFile(folder: url) }
    private var checkpoints: URL { url.appending(path: "checkpoints") }

    // MARK: - Configuration

    /// Refuses a folder that holds another run, or this run where it is not to go on. Writes nothing.
    ///
    /// - Parameter mayDiffer: settings, by their names in `run.json`, that may change when a run goes on.
    /// - Throws: ``RunError`` with code `foreignFolder` that names the settings which differ, or `damaged`.
    public func check(_ configuration: some Encodable, resume: Bool, mayDiffer: Set<String> = []) throws {
        guard let held = try? Data(contentsOf: configurationFile) else { return }
        guard resume else {
            throw RunError(
                .foreignFolder, "\(path) holds a run already; give --resume to go on with it, or another --out.")
        }
        let (old, new) = (try settings(held), try settings(Self.json(configuration)))
        let names = Set(old.keys).union(new.keys).subtracting(mayDiffer)
        let others = names.filter { old[$0] != new[$0] }.sorted()
        guard others.isEmpty else {
            throw RunError(
                .foreignFolder,
                "\(path) holds a run with other settings (\(others.joined(separator: ", ")); see its run.json); "
                    + "resume it with the same ones, or give another --out.")
        }
    }

    /// Each setting as text: with a statically linked Foundation, equal dictionaries were found to differ.
    private func settings(_ json: Data) throws -> [String: Data] {
        guard let all = try? JSONSerialization.jsonObject(with: json) as? [String: Any] else {
            let file = configurationFile.path(percentEncoded: false)
            throw RunError(.damaged, "\(file) can't be read; give another --out.")
        }
        return try all.mapValues {
            try JSONSerialization.data(withJSONObject: $0, options: [.sortedKeys, .fragmentsAllowed])
        }
    }

    /// Makes the folder and writes the configuration. A training run calls it once its model and adapter are loaded, so a
    /// run that could not begin leaves nothing behind.
    ///
    /// - Throws: ``RunError`` with code `unwritable`.
    public func open(_ configuration: some Encodable) throws {
        try writing {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
            try Self.json(configuration).write(to: configurationFile, options: .atomic)
        }
    }

    /// A configuration as `run.json` holds it.
    public static func json(_ configuration: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(configuration)
    }

    // MARK: - Checkpoints

    /// What a checkpoint is for, and how its name begins.
    public enum Kind: String, Sendable {
        /// Adapter and optimiser, to go on from.
        case step = "step-"
        /// The adapter with the best validation so far.
        case best = "best-step-"
    }

    /// The newest whole checkpoint of a kind, and its step; nil where there is none.
    public func latest(_ kind: Kind = .step) throws -> (url: URL, step: Int)? {
        try all(kind).max { $0.step < $1.step }
    }

    private func all(_ kind: Kind) throws -> [(url: URL, step: Int)] {
        let files = FileManager.default
        guard files.fileExists(atPath: checkpoints.path(percentEncoded: false)) else { return [] }
        return try files.contentsOfDirectory(at: checkpoints, includingPropertiesForKeys: nil).compactMap { url in
            let name = url.lastPathComponent
            guard name.hasPrefix(kind.rawValue), let step = Int(name.dropFirst(kind.rawValue.count)) else { return nil }
            return (url, step)
        }
    }

    /// Saves a checkpoint under its step: `write` fills a folder that then gets its name in one move. Older checkpoints of
    /// its kind are removed.
    ///
    /// - Throws: ``RunError`` with code `unwritable`.
    public func save(_ kind: Kind = .step, step: Int, _ write: (URL) throws -> Void) throws {
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

    /// Removes the metrics of steps after `step`, which are played again, and a line that a crash cut off.
    ///
    /// - Throws: ``RunError`` with code `unwritable`.
    public func truncateMetrics(after step: Int) throws {
        struct Line: Decodable { var step: Int }
        guard let data = try? Data(contentsOf: metricsFile) else { return }
        let lines = data.split(separator: 0x0A).prefix {
            guard let line = try? JSONDecoder().decode(Line.self, from: $0) else { return false }
            return line.step <= step
        }
        let kept = lines.reduce(into: Data()) { $0 += $1 + [0x0A] }
        if kept.count < data.count { try writing { try kept.write(to: metricsFile, options: .atomic) } }
    }

    // MARK: - Errors

    /// Runs `body`, and turns a refusal of the disk into a sentence that says from where the run can go on.
    ///
    /// - Throws: ``RunError`` with code `unwritable`.
    public func writing<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            let last = try? latest()
            throw RunError(
                .unwritable,
                "\(path) cannot be written: \(Self.sentence(error)) "
                    + (last.map { "The checkpoint of step \($0.step) is whole; --resume goes on from it." }
                        ?? "There is no checkpoint yet."))
        }
    }

    /// What an error says: Foundation's own errors describe themselves in code, others in words.
    private static func sentence(_ error: any Error) -> String {
        let isFoundations = error is CocoaError || type(of: error) is NSError.Type
        return isFoundations ? error.localizedDescription : "\(error)"
    }
}
