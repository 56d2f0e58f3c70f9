package import Foundation
internal import StatefulTools

/// A model that the project knows by name. `scripts/fetch-model` gets them.
package struct KnownModel: Sendable {
    package var name: String
    package var file: String
    package var sha256: String

    package static let all = [
        KnownModel(
            name: "smollm2-135m", file: "SmolLM2-135M-Instruct-Q4_1.gguf",
            sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
        KnownModel(
            name: "qwen2.5-coder-0.5b", file: "Qwen2.5-Coder-0.5B-Instruct-Q4_K_M.gguf",
            sha256: "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"),
        KnownModel(
            name: "qwen2.5-coder-1.5b", file: "Qwen2.5-Coder-1.5B-Instruct-Q4_K_M.gguf",
            sha256: "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"),
        KnownModel(
            name: "gemma3-270m", file: "gemma-3-270m-Q4_K_M.gguf",
            sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"),
    ]

    /// Of the models with an adapter, the one that repairs most.
    package static let `default` = all[1]

    /// `${COE_HOME:-~/.cache/coe}/models`
    package static var folder: URL {
        let home = ProcessInfo.processInfo.environment["COE_HOME"].map { URL(filePath: $0) }
        return (home ?? FileManager.default.homeDirectoryForCurrentUser.appending(path: ".cache/coe"))
            .appending(path: "models")
    }

    package var url: URL { Self.folder.appending(path: file) }

    /// Bytes of the file; nil when it is not there.
    package var size: Int? {
        (try? FileManager.default.attributesOfItem(atPath: url.path(percentEncoded: false)))?[.size] as? Int
    }

    /// Whether the file's SHA-256 is the known one, by the system's own program; nil when that is missing.
    package var hasDigest: Bool? {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["sha256sum", url.path(percentEncoded: false)]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil, let data = try? output.fileHandleForReading.readToEnd() else { return nil }
        process.waitUntilExit()
        return process.terminationStatus == 0 ? String(decoding: data, as: UTF8.self).hasPrefix(sha256) : nil
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
        guard let known = all.first(where: { $0.name == name }) else {
            throw PolicyError(
                .unavailable,
                "There is no model \(name): name a GGUF file, a Hugging Face folder, or one of "
                    + all.map(\.name).joined(separator: ", ") + ".")
        }
        guard known.size != nil else {
            let others = all.filter { $0.size != nil }.map { "--model \($0.name)" }
            throw PolicyError(
                .unavailable,
                "The model \(name) is not on this machine (\(known.url.path(percentEncoded: false))). "
                    + "With a network, scripts/fetch-model \(name) gets it"
                    + (others.isEmpty ? "." : "; here there is \(others.joined(separator: ", "))."))
        }
        return known.url.path(percentEncoded: false)
    }
}
