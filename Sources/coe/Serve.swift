import ArgumentParser
import Episodes
import Foundation
import LanguageModels
import ModelServing
import PythonSandbox
import ServeCommands
import Serving

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serves the environment, a model, or a page to try it; on loopback unless told otherwise.",
        subcommands: [ServeEnv.self, ServeModel.self, ServeWeb.self])
}

struct ServeModel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "A model and its adapters behind the interface of OpenAI's clients.",
        discussion: """
            Example: coe serve model --model smollm2-135m --adapter repair=runs/sft/adapter
            Then: coe eval --policy openai:http://127.0.0.1:8080#repair …
            """)

    @OptionGroup var server: ServeOptions
    @Option(help: "A known model's name or a model file.") var model: String?
    @Option(name: .customLong("adapter"), help: "NAME=FOLDER: an adapter (PEFT) and the model name it answers to.")
    var adapters: [String] = []
    @Option(help: "What the model computes in; float32 on a CPU and bfloat16 on a GPU when not given.")
    var precision: Precision?
    @Flag(help: "Print the address as one JSON object on standard output when ready.") var json = false

    func validate() throws {
        for adapter in adapters where !adapter.dropFirst().contains("=") {
            throw ValidationError("--adapter \(adapter): write NAME=FOLDER.")
        }
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        let name = try resolvedModel(model)
        let path = try modelPath(name)
        let folders = adapters.map { adapter in
            let parts = adapter.split(separator: "=", maxSplits: 1)
            return (name: String(parts[0]), path: parts.count > 1 ? String(parts[1]) : "")
        }
        // Clients see a file's name, never where it lies.
        let shown = name.contains("/") ? URL(filePath: name).deletingPathExtension().lastPathComponent : name
        let models = try await ServedModel.load(name: shown, path: path, adapters: folders, precision: precision)
        try await server.serve(
            try ModelServer(models), name: models.map(\.name).joined(separator: ", "), port: 8080, json: json)
    }
}

struct ServeWeb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "web",
        abstract: "A page where one pastes a broken program and its tests and watches the repair.",
        discussion: "Example: coe serve web, then open http://127.0.0.1:8090")

    @OptionGroup var server: ServeOptions
    @OptionGroup var sandbox: SandboxOptions
    @Option(help: "A known model's name or a model file.") var model: String?
    @Option(help: "An adapter folder (PEFT); the model's own when not given, none for no adapter.") var adapter: String?
    @Option(help: "openai:URL#MODEL asks a server, script:FILE replays commands, instead of a model here.")
    var policy: String?
    @Option(help: "Edits in one attempt.") var turns = 10
    @Flag(help: "Let the model write anything, not only commands that the program can take.") var unconstrained = false
    @Flag(help: "Print the address as one JSON object on standard output when ready.") var json = false

    func validate() throws {
        if turns < 1 { throw ValidationError("--turns must be at least 1.") }
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        let adapter = resolvedAdapter(adapter, model: model)
        let options = EpisodeOptions(
            maxTurns: turns, endsAtFirstPass: true, isConstrained: !unconstrained,
            prompt: try prompt(forAdapter: adapter))
        let player = try await loadPolicy(model: model, adapter: adapter, policy: policy)
        try await withSandbox(sandbox.configuration) { sandbox in
            try await server.serve(
                RepairPage(policy: player, sandbox: sandbox, options: options), name: "The page with \(player.name)",
                port: 8090, openPaths: ["/", "/health"], json: json)
        }
    }
}
