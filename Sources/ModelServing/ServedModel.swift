import Foundation
public import LanguageModels
import StatefulTools
import Tensors
public import Tokenization

/// A model, or one of its adapters, under the name that clients ask for.
public struct ServedModel: Sendable {
    /// The name that clients ask for.
    public let name: String
    package let generator: Generator
    package let chat: ChatEncoder
    /// Whether a conversation without a system message gets the template's own. Adapters were trained without one.
    let addsSystemMessage: Bool
    let created = Int(Date.now.timeIntervalSince1970)

    /// A model that is loaded already.
    ///
    /// - Parameter addsSystemMessage: whether a conversation without a system message gets the one of the model's
    ///   template, as other servers do.
    public init(name: String, generator: Generator, chat: ChatEncoder, addsSystemMessage: Bool) {
        self.name = name
        self.generator = generator
        self.chat = chat
        self.addsSystemMessage = addsSystemMessage
    }

    /// Loads a model and its adapters. All compute on one thread; each has its own weights and batches its own
    /// requests.
    ///
    /// - Parameters:
    ///   - path: a GGUF file or a folder in the Hugging Face layout.
    ///   - adapters: PEFT folders by the names they are asked for.
    ///   - precision: what they compute in; float32 on a CPU and bfloat16 on a GPU when nil.
    public static func load(
        name: String, path: String, adapters: [(name: String, path: String)] = [], precision: Precision? = nil
    ) async throws -> [ServedModel] {
        let device = Device.best
        // Its clients may train on the log-probabilities.
        let precision = precision ?? (device == .cpu ? .float32 : .standard(on: device))
        let tokenizer = try Tokenizer(modelPath: path)
        let thread = ComputeThread()
        let names: [(String, String?)] = [(name, nil)] + adapters.map { ($0.name, $0.path) }
        // Fixed at the start, so that no load makes the server grow: one GiB, or an eighth of a small machine's memory.
        let cacheBytes = min(1 << 30, Int(ProcessInfo.processInfo.physicalMemory / 8)) / names.count
        var models: [ServedModel] = []
        for (name, adapter) in names {
            let generator = try await thread.run {
                Generator(
                    model: try CausalLM(path: path, adapter: adapter, device: device, precision: precision),
                    tokenizer: tokenizer, cacheBytes: cacheBytes, thread: thread)
            }
            let prompt = try adapter.flatMap(AdapterCard.read(fromAdapter:))?.prompt
            let chat = try ChatEncoder(tokenizer, format: prompt?.isPlainText == true ? .plain : nil)
            models.append(
                ServedModel(name: name, generator: generator, chat: chat, addsSystemMessage: adapter == nil))
        }
        return models
    }
}
