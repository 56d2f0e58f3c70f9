public import Foundation
import StatefulTools

/// The folder of a run.
///
///     run.json                    the resolved configuration; it can be run again as a recipe
///     provenance.jsonl            a line a start: commit, command, machine; see ``Provenance``
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
        let names = Set(old.keys).union(new.keys).subtracting(mayDiffer).subtracting([Self.inputs])
        let others = names.filter { old[$0] != new[$0] }.sorted()
        guard others.isEmpty else {
            throw RunError(
                .foreignFolder,
                "\(path) holds a run with other settings (\(others.joined(separator: ", ")); see its run.json); "
                    + "resume it with the same ones, or give another --out.")
        }
    }

    /// Refuses to go on where the content of an input has changed since the run began: the file of that name holds another
    /// run's data, weights or adapter.
    ///
    /// - Parameter lines: the inputs as they are; see ``InputDigest/lines(_:)``.
    /// - Throws: ``RunError`` with code `changedInput` that names them.
    public func check(inputs lines: [String]?) throws {
        struct Held: Decodable { var inputs: [String]? }
        guard let data = try? Data(contentsOf: configurationFile),
            let held = try? JSONDecoder().decode(Held.self, from: data)
        else { return }
        let changed = InputDigest.changed(held.inputs, lines)
        guard changed.isEmpty else {
            throw RunError(.changedInput, InputDigest.sentence(changed, folder: path))
        }
    }

    /// The setting of ``check(inputs:)``.
    private static let inputs = "inputs"

    /// Takes the folder for this process; nil where there is no folder yet.
    ///
    /// - Throws: ``RunError`` with code `inUse`.
    public func lock() throws -> RunLock? {
        FileManager.default.fileExists(atPath: path) ? try RunLock(folder: url) : nil
    }

    /// Makes the folder and takes it for this process.
    ///
    /// - Throws: ``RunError`` with code `inUse` or `unwritable`.
    public func makeAndLock() throws -> RunLock {
        try writing { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
        return try RunLock(folder: url)
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
    ///
    /// - Parameter note: gets a sentence for each newer one that is damaged and passed over.
    /// - Throws: ``RunError`` with code `damaged` where there are checkpoints and none is whole.
    public func latest(
        _ kind: Kind = .step, note: (String) -> Void = { _ in }
    ) throws -> (url: URL, step: Int)? {
        let found = try all(kind).sorted { $0.step > $1.step }
        var damage: String?
        for checkpoint in found {
            guard let file = damagedFile(in: checkpoint.url) else { return checkpoint }
            let path = checkpoints.appending(path: checkpoint.url.lastPathComponent, directoryHint: .notDirectory)
            let place = "\(path.path(percentEncoded: false)) is damaged (\(file))"
            note("\(place): the checkpoint before it is used.")
            damage = damage ?? place
        }
        guard let damage else { return nil }
        throw RunError(.damaged, "\(damage), and there is no older checkpoint that is whole; give another --out.")
    }

    private static let digestFile = "digests.json"

    /// The first file of a checkpoint that is not as it was written; nil for a whole one, or one of an older coe.
    private func damagedFile(in checkpoint: URL) -> String? {
        let file = checkpoint.appending(path: Self.digestFile)
        guard FileManager.default.fileExists(atPath: file.path(percentEncoded: false)) else { return nil }
        guard let data = try? Data(contentsOf: file),
            let digests = try? JSONDecoder().decode([String: String].self, from: data)
        else { return Self.digestFile }
        return digests.sorted { $0.key < $1.key }
            .first { (try? InputDigest.of(file: checkpoint.appending(path: $0.key))) != $0.value }?.key
    }

    private func writeDigests(in checkpoint: URL) throws {
        var digests: [String: String] = [:]
        for file in try FileManager.default.contentsOfDirectory(at: checkpoint, includingPropertiesForKeys: nil) {
            digests[file.lastPathComponent] = try InputDigest.of(file: file)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(digests).write(to: checkpoint.appending(path: Self.digestFile), options: .atomic)
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

    /// Saves a checkpoint under its step: `write` fills a folder that then gets its name in one move. The one before it
    /// stays, should this one be damaged on the disk; older ones of its kind are removed.
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
                try writeDigests(in: partial)
                if files.fileExists(atPath: final.path(percentEncoded: false)) { try files.removeItem(at: final) }
                try files.moveItem(at: partial, to: final)
            } catch {
                try? files.removeItem(at: partial)
                throw error
            }
            // Those of later steps are left over from before a fall back to an earlier one.
            for later in try all(kind) where later.step > step { try files.removeItem(at: later.url) }
            for older in try all(kind).sorted(by: { $0.step > $1.step }).dropFirst(2) {
                try files.removeItem(at: older.url)
            }
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
    /// - Parameter advice: What to do; when nil, from which checkpoint a training run goes on.
    /// - Throws: ``RunError`` with code `unwritable`.
    public func writing<Result>(advice: String? = nil, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            let last = try? latest()
            throw RunError(
                .unwritable,
                "\(path) cannot be written: \(words(of: error)) "
                    + (advice ?? last.map { "The checkpoint of step \($0.step) is whole; --resume goes on from it." }
                        ?? "There is no checkpoint yet."))
        }
    }
}
