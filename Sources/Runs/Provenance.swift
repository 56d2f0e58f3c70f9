public import Foundation
import StatefulTools

/// Who made a run: a line of `provenance.jsonl` for each start, so that a figure can be made again.
public struct Provenance: Hashable, Sendable, Codable {
    public var started: Date
    /// The commit of `coe`; see ``Build/commit``.
    public var commit: String
    /// The command line, quoted for a shell.
    public var command: String
    /// Its folder.
    public var folder: String
    /// The processor, how many of them, and the system.
    public var machine: String

    static let fileName = "provenance.jsonl"

    /// Of this process, now.
    static func current() -> Provenance {
        let quoted = CommandLine.arguments.enumerated().map { place, argument in
            let text = place == 0 ? URL(filePath: argument).lastPathComponent : argument
            let isPlain = !text.isEmpty && text.allSatisfy { $0.isLetter || $0.isNumber || "-_./:=,@%+".contains($0) }
            return isPlain ? text : "'" + text.replacing("'", with: "'\\''") + "'"
        }
        let process = ProcessInfo.processInfo
        return Provenance(
            started: .now, commit: Build.commit, command: quoted.joined(separator: " "),
            folder: FileManager.default.currentDirectoryPath,
            machine: "\(processor), \(process.activeProcessorCount) processors, \(process.operatingSystemVersionString)"
        )
    }

    private static var processor: String {
        let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
        let name = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last
        return name.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown processor"
    }
}

extension RunFolder {
    private var provenanceFile: URL { url.appending(path: Provenance.fileName) }

    /// The starts of the run, the first one first; those that can't be read are left out.
    public var provenance: [Provenance] {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        let lines = (try? Data(contentsOf: provenanceFile))?.split(separator: 0x0A) ?? []
        return lines.compactMap { try? decoder.decode(Provenance.self, from: $0) }
    }

    /// Notes that this process starts the run, or goes on with it.
    ///
    /// - Parameter advice: as for ``writing(advice:_:)``.
    /// - Throws: ``RunError`` with code `unwritable`.
    public func noteStart(advice: String? = nil) throws {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try writing(advice: advice) {
            let held = (try? Data(contentsOf: provenanceFile)) ?? Data()
            try (held + encoder.encode(Provenance.current()) + [0x0A]).write(to: provenanceFile, options: .atomic)
        }
    }
}
