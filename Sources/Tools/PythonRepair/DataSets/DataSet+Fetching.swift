public import Foundation
import StatefulTools
import Subprocess

extension DataSet {
    /// What a fetch did.
    public struct Fetched: Hashable, Sendable, Codable {
        public enum Trust: String, Hashable, Sendable, Codable {
            /// The digest is the published one.
            case published
            /// The digest is the one that the first fetch recorded.
            case recorded
            /// There was nothing to compare with; this fetch recorded the digest.
            case firstUse
        }

        public var file: URL
        public var digest: String
        public var trust: Trust
        /// Whether the file was there already.
        public var wasPresent: Bool
    }

    /// Downloads the file, checks its digest and puts it into `folder` in one step.
    ///
    /// A file that is there and has the right digest is not fetched again. Digests of data sets without a published one
    /// are recorded beside the file, as `FILE.sha256`, at the first fetch.
    ///
    /// - Throws: ``ToolTaskError`` when the download fails or the digest is another one; the folder is as before then.
    public func fetch(into folder: URL = DataSet.folder) async throws -> Fetched {
        let manager = FileManager.default
        try manager.createDirectory(at: folder, withIntermediateDirectories: true)
        let target = folder.appending(path: file)
        let record = folder.appending(path: file + ".sha256")
        let recorded = (try? String(contentsOf: record, encoding: .utf8)).map {
            $0.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let expected = digest ?? recorded
        let trust: Fetched.Trust = digest != nil ? .published : recorded != nil ? .recorded : .firstUse
        if let expected, manager.fileExists(atPath: target.path(percentEncoded: false)),
            try FileDigest.sha256(of: target) == expected
        {
            return Fetched(file: target, digest: expected, trust: trust, wasPresent: true)
        }

        let part = folder.appending(path: ".\(file).\(UUID().uuidString)")
        defer { try? manager.removeItem(at: part) }
        try await download(to: part)
        let found = try FileDigest.sha256(of: part)
        guard found == expected ?? found else {
            throw ToolTaskError(
                .fetch,
                "\(name): the file at \(url.absoluteString) has the SHA-256 \(found), not \(expected ?? ""); nothing was "
                    + "kept. Its publisher may have changed it: look at it, and give its path instead of its name.")
        }
        if trust == .firstUse { try Data((found + "\n").utf8).write(to: record, options: .atomic) }
        // Renaming replaces a file of the same name in one step.
        if rename(part.path(percentEncoded: false), target.path(percentEncoded: false)) != 0 {
            throw ToolTaskError(.fetch, "\(name): \(target.path(percentEncoded: false)) can't be written")
        }
        return Fetched(file: target, digest: found, trust: trust, wasPresent: false)
    }

    /// By curl, which every system has, rather than by a network library that every build would have to link.
    private func download(to part: URL) async throws {
        let arguments = [
            "--fail", "--location", "--silent", "--show-error", "--proto", "=https,http", "--max-time", "600",
            "--max-filesize", String(256 << 20), "--output", part.path(percentEncoded: false), url.absoluteString,
        ]
        let complaint: String
        do {
            let result = try await Subprocess.run(
                .name("curl"), arguments: Arguments(arguments), output: .discarded, error: .string(limit: 1 << 16))
            if result.terminationStatus.isSuccess { return }
            complaint = result.standardError.trimmingCharacters(in: .whitespacesAndNewlines)
        } catch {
            complaint = "curl can't be started; install it, or download the file yourself"
        }
        throw ToolTaskError(.fetch, "\(name): \(url.absoluteString) can't be fetched: \(complaint)")
    }
}
