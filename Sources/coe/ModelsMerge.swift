import ArgumentParser
import Foundation
import LanguageModels
import Tensors
import Tokenization

struct ModelsMerge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Writes a model with an adapter merged in, as a folder that Transformers loads.",
        discussion: "Example: coe models merge --model smollm2-135m --adapter runs/sft/adapter --out merged")

    enum Format: String, CaseIterable, ExpressibleByArgument {
        case float32, float16, bfloat16

        var dtype: DType { self == .float32 ? .float32 : self == .float16 ? .float16 : .bfloat16 }
    }

    @Option(help: "A known model, a GGUF file or a Hugging Face folder; the adapter's when not given.")
    var model: String?
    @Option(help: "The adapter, a PEFT folder.") var adapter: String
    @Option(help: "The folder to write.") var out: String
    @Option(help: "How numbers are stored: float32, float16 or bfloat16.") var format = Format.float32

    func run() async throws {
        startAgainWithSleepingThreads()
        let path = try modelPath(resolvedModel(model, adapter: adapter))
        let folder = URL(filePath: out)
        if let held = try? FileManager.default.contentsOfDirectory(atPath: out), !held.isEmpty {
            throw ValidationError("\(out) is not empty; name a new folder.")
        }
        let (adapter, dtype) = (adapter, format.dtype)
        try await ComputeThread().run {
            try CausalLM(path: path, adapter: adapter).write(
                to: folder, tokenizer: Tokenizer(modelPath: path), dtype: dtype)
        }
        Terminal.say("\(out) holds the merged model.")
    }
}
