import ArgumentParser
import CommandSupport
import Foundation
import ModelServing
import ServeCommands
import StatefulTools

struct ServeModel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "A model and its adapters behind the interface of OpenAI's clients.",
        discussion: """
            Example: coe serve model --model smollm2-135m --adapter repair=runs/sft/adapter
            Then: coe eval --policy openai:http://127.0.0.1:8080#repair --prompt brief …
            """)

    @OptionGroup var server: ServeOptions
    @OptionGroup var options: BaseModelOptions
    @Option(
        name: .customLong("adapter"),
        help: """
            NAME=FOLDER: an adapter (PEFT) and the model name that clients ask for; repeatable. The model's own, as \
            NAME coe, when not given; none for no adapter.
            """) var adapters: [String] = []
    @Flag(help: .json) var json = false

    func validate() throws {
        for adapter in adapters where adapter != "none" && !adapter.dropFirst().contains("=") {
            throw ValidationError("--adapter \(adapter): write NAME=FOLDER.")
        }
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        let choice = try ModelChoice(
            model: options.model, adapter: adapters.isEmpty ? nil : "none", tools: [ToolTask.standardTool])
        var folders = adapters.filter { $0 != "none" }.map { adapter in
            let parts = adapter.split(separator: "=", maxSplits: 1)
            return (name: String(parts[0]), path: parts.count > 1 ? String(parts[1]) : "")
        }
        if let own = choice.adapter { folders.append((name: "coe", path: own)) }
        // Clients see a file's name, never its place.
        let name = choice.name
        let shown = name.contains("/") ? URL(filePath: name).deletingPathExtension().lastPathComponent : name
        let models = try await ServedModel.load(
            name: shown, path: choice.path, adapters: folders, precision: options.resolvedPrecision)
        try await server.serve(
            try ModelServer(models), name: models.map(\.name).joined(separator: ", "), port: 8080, json: json)
    }
}
