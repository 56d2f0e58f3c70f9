package import Foundation
internal import StatefulTools

/// A model of the Hugging Face hub, in the cache that all its clients share: `hf:ORG/NAME`, and behind a further colon a
/// file or a quantisation (`hf:ORG/NAME:Q4_K_M`).
package struct HubModel: Hashable, Sendable {
    /// `ORG/NAME`
    package var repository: String
    /// A file's name, or a part of it; nil for the whole model.
    package var part: String?

    /// Nil where the name is none of the hub's.
    package init?(_ name: String) {
        guard name.hasPrefix("hf:") else { return nil }
        let parts = name.dropFirst(3).split(separator: ":", maxSplits: 1)
        guard let first = parts.first, first.split(separator: "/").count == 2 else { return nil }
        repository = String(first)
        part = parts.count > 1 ? String(parts[1]) : nil
    }

    /// `$HF_HUB_CACHE`, `$HF_HOME/hub`, or `~/.cache/huggingface/hub`.
    package static var cache: URL {
        let environment = ProcessInfo.processInfo.environment
        if let cache = environment["HF_HUB_CACHE"] { return URL(filePath: cache) }
        let home = environment["HF_HOME"].map { URL(filePath: $0) }
        let caches = environment["XDG_CACHE_HOME"].map { URL(filePath: $0) }
        let user = UserFolder.home.appending(path: ".cache")
        return (home ?? (caches ?? user).appending(path: "huggingface")).appending(path: "hub")
    }

    /// The repository's folder in the cache.
    var folder: URL {
        Self.cache.appending(path: "models--" + repository.replacing("/", with: "--"))
    }

    /// The files of the newest snapshot of `main`; nil where nothing was fetched.
    private var snapshot: URL? {
        let reference = folder.appending(path: "refs/main")
        let commit = (try? String(contentsOf: reference, encoding: .utf8))?
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let snapshots = folder.appending(path: "snapshots")
        if let commit, !commit.isEmpty { return snapshots.appending(path: commit) }
        let names = try? FileManager.default.contentsOfDirectory(atPath: snapshots.path(percentEncoded: false))
        return names?.first.map { snapshots.appending(path: $0) }
    }

    /// The GGUF file or the folder of the model in the cache.
    ///
    /// - Throws: `PolicyError` with code `unavailable` that says how to get it, or which files there are to choose from.
    package func path() throws -> String {
        let fetch = "coe models fetch hf:\(repository)" + (part.map { ":\($0)" } ?? "")
        guard let snapshot,
            let files = try? FileManager.default.contentsOfDirectory(atPath: snapshot.path(percentEncoded: false))
        else {
            throw PolicyError(
                .unavailable, "The model \(repository) is not in the cache of the hub; get it with: \(fetch)")
        }
        guard let chosen = try choice(of: files) else {
            throw PolicyError(
                .unavailable,
                "The cache holds no weights of \(repository)" + (part.map { " with \($0)" } ?? "")
                    + "; get them with: \(fetch)")
        }
        // A link into the cache's store of files; the name tells what it is.
        return snapshot.appending(path: chosen).path(percentEncoded: false)
    }

    /// Of the repository's files: the one GGUF file that is meant, an empty name for the whole folder, or nil for none.
    ///
    /// - Throws: `PolicyError` where several files fit.
    func choice(of files: [String]) throws -> String? {
        let packed = files.filter { $0.lowercased().hasSuffix(".gguf") }.sorted()
        if let part {
            if files.contains(part) { return part }
            let fitting = packed.filter { $0.lowercased().contains(part.lowercased()) }
            if fitting.count > 1 { throw severalFit(fitting) }
            return fitting.first
        }
        if files.contains("config.json"), files.contains(where: { $0.hasSuffix(".safetensors") }) { return "" }
        if packed.count > 1 {
            let usual = packed.filter { $0.lowercased().contains("q4_k_m") }
            guard usual.count == 1 else { throw severalFit(packed) }
            return usual[0]
        }
        return packed.first
    }

    private func severalFit(_ files: [String]) -> PolicyError {
        PolicyError(
            .unavailable,
            "\(repository) has several files that fit; name one behind a colon, such as hf:\(repository):\(files[0]). "
                + "There are: \(files.joined(separator: ", ")).")
    }
}
