import ArgumentParser
import Foundation

/// A model that the project knows by name. `scripts/fetch-model` gets them.
struct KnownModel: Codable {
    var name: String
    var file: String
    var sha256: String

    static let all = [
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

    /// The one of those with an adapter that repairs most.
    static let `default` = all[1]

    /// `${COE_HOME:-~/.cache/coe}/models`
    static var folder: URL {
        let home = ProcessInfo.processInfo.environment["COE_HOME"].map { URL(filePath: $0) }
        return (home ?? FileManager.default.homeDirectoryForCurrentUser.appending(path: ".cache/coe"))
            .appending(path: "models")
    }

    var url: URL { Self.folder.appending(path: file) }

    /// Bytes of the file, or nil when it is not there.
    var size: Int? {
        (try? FileManager.default.attributesOfItem(atPath: url.path(percentEncoded: false)))?[.size] as? Int
    }

    /// Whether the file's SHA-256 is the known one, by the system's own program; nil when that is missing.
    var hasDigest: Bool? {
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
}

struct Models: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists the known models, or merges an adapter into one.",
        subcommands: [ModelsList.self, ModelsMerge.self], defaultSubcommand: ModelsList.self)
}

struct ModelsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the known models: where they are, their size, and whether their digest is right.")

    @Flag(help: "Print the list as one JSON object on standard output.") var json = false

    private struct Row: Codable {
        var name: String
        var path: String
        var bytes: Int?
        var digest: String
    }

    func run() async throws {
        let rows = KnownModel.all.map { model in
            let digest = model.size == nil ? "missing" : model.hasDigest.map { $0 ? "ok" : "wrong" } ?? "unchecked"
            return Row(name: model.name, path: model.url.path(percentEncoded: false), bytes: model.size, digest: digest)
        }
        for row in rows {
            let size = row.bytes.map { "\($0 / 1_000_000) MB" } ?? "-"
            let note = row.name == KnownModel.default.name ? "  (default)" : ""
            Terminal.say("\(row.name)  \(row.digest)  \(size)  \(row.path)\(note)")
        }
        if json { try Terminal.printJSON(["models": rows]) }
        if rows.contains(where: { $0.digest == "wrong" }) { throw ExitCode(1) }
    }
}
