import ArgumentParser
import CommandSupport
import Foundation
import LanguageModels
import ServeCommands
import StatefulTools
import Tensors
import Tokenization

struct ModelsMerge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Writes a model with an adapter merged in, as a folder that Transformers loads.",
        discussion: "Example: coe models merge --model smollm2-135m --adapter runs/sft/adapter --out merged")

    @Option(help: .model, completion: .models) var model: String?
    @Option(help: .adapter, completion: .directory) var adapter: String?
    @Option(help: "The folder to write.", completion: .directory) var out: String
    @Flag(help: .json) var json = false

    func run() async throws {
        startAgainWithSleepingThreads()
        let choice = try ModelChoice(model: model, adapter: adapter, tools: [ToolTask.standardTool])
        let path = try choice.path
        let folder = URL(filePath: out)
        if let held = try? FileManager.default.contentsOfDirectory(atPath: out), !held.isEmpty {
            throw UsageError("\(out) is not empty; name a new folder.")
        }
        try await ComputeThread().run {
            try CausalLM(path: path, adapter: choice.adapter).write(
                to: folder, tokenizer: Tokenizer(modelPath: path), dtype: .float32)
        }
        Terminal.say("\(out) holds the merged model.")
        if json { try Terminal.printJSON(["folder": out]) }
    }
}
