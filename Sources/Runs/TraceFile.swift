public import Foundation
public import StatefulTools

/// The episodes of a run: `traces.jsonl` in its folder, one ``StatefulTools/Trace`` a line.
///
/// An episode that was played again is appended again; its last line counts. A process that dies while it writes leaves a
/// line without an end, which readers skip and the next writer removes.
public struct TraceFile: Sendable {
    public let url: URL
    public static let name = "traces.jsonl"

    /// The file in a run's folder. It need not exist.
    public init(folder: URL) { url = folder.appending(path: Self.name) }

    private var path: String { url.path(percentEncoded: false) }

    /// The traces, the last one of each episode, at the place of the first; none where there is no file.
    ///
    /// - Throws: ``RunError`` with code `damaged` that names the first line which is no trace of this version.
    public func read() throws -> [Trace] {
        guard let data = try? Data(contentsOf: url, options: .mappedIfSafe) else { return [] }
        let whole = data[..<(data.lastIndex(of: 0x0A) ?? data.startIndex)]
        var traces: [Trace] = []
        var places: [EpisodeID: Int] = [:]
        for (index, line) in whole.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            if line.isEmpty { continue }
            let trace: Trace
            do {
                trace = try Trace.read(line)
            } catch {
                throw RunError(.damaged, "\(path), line \(index + 1): \(error)")
            }
            let place = places[EpisodeID(trace), default: traces.count]
            if place < traces.count {
                traces[place] = trace
            } else {
                places[EpisodeID(trace)] = place
                traces.append(trace)
            }
        }
        return traces
    }

    /// Adds one trace; see ``append(_:)-([Trace])``.
    public func append(_ trace: Trace) throws { try append([trace]) }

    /// Adds traces at the end by one write, and makes the file if need be. Calls must not overlap.
    ///
    /// - Throws: ``RunError`` with code `unwritable`.
    public func append(_ traces: [Trace]) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw unwritable(String(cString: strerror(errno)) + ".") }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try removeCutOffLine(handle)
            try handle.write(contentsOf: Self.lines(traces))
        } catch {
            throw unwritable(words(of: error))
        }
    }

    /// Writes the file anew with these traces; it is whole or as before.
    ///
    /// - Throws: ``RunError`` with code `unwritable`.
    public func write(_ traces: [Trace]) throws {
        do {
            try Self.lines(traces).write(to: url, options: .atomic)
        } catch {
            throw unwritable(words(of: error))
        }
    }

    private func unwritable(_ why: String) -> RunError { RunError(.unwritable, "\(path) can't be written: \(why)") }

    private static func lines(_ traces: [Trace]) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try traces.reduce(into: Data()) { $0 += try encoder.encode($1) + [0x0A] }
    }

    private func removeCutOffLine(_ handle: FileHandle) throws {
        let size = try handle.seekToEnd()
        if size == 0 { return }
        try handle.seek(toOffset: size - 1)
        if try handle.read(upToCount: 1) == Data([0x0A]) { return }
        let data = try Data(contentsOf: url)
        try handle.truncate(atOffset: UInt64(data.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0))
    }
}
