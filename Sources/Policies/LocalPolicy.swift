public import LanguageModels
public import StatefulTools
import Tensors
public import Tokenization

/// A language model on this machine as the player.
///
/// What the model wrote stays in its context as the ids that it sampled; only new text is turned into ids. All sessions
/// share one ``LanguageModels/Generator`` and so advance together.
public struct LocalPolicy: Policy {
    public let name: String
    public let generator: Generator
    private let chat: ChatEncoder

    /// Loads a model.
    ///
    /// - Parameters:
    ///   - model: a GGUF file or a folder in the Hugging Face layout.
    ///   - adapter: a PEFT folder.
    ///   - precision: what the model computes in; the device's standard when nil.
    public init(name: String, model: String, adapter: String?, precision: Precision? = nil) async throws {
        let device = Device.best
        let precision = precision ?? .standard(on: device)
        let tokenizer = try Tokenizer(modelPath: model)
        let prompt = try adapter.flatMap(AdapterCard.read(fromAdapter:))?.prompt
        let chat = try ChatEncoder(tokenizer, for: prompt ?? .examples)
        let thread = ComputeThread()
        // Loading computes (tensor operations unpack the weights), so it belongs to the same thread.
        let generator = try await thread.run {
            Generator(
                model: try CausalLM(path: model, adapter: adapter, device: device, precision: precision),
                tokenizer: tokenizer, thread: thread)
        }
        // A name tells results in another precision from those in full precision.
        self.init(
            name: precision == .float32 ? name : "\(name) (\(precision.rawValue))", generator: generator, chat: chat)
    }

    /// A player over a model that is loaded.
    public init(name: String, generator: Generator, chat: ChatEncoder) {
        self.name = name
        self.generator = generator
        self.chat = chat
    }

    public func beginSession(
        messages: [ChatMessage], sampling: SamplingParameters, maxTokens: Int
    ) async throws -> any PolicySession {
        let conversation = await generator.begin(
            SamplingOptions(
                temperature: sampling.temperature, topP: sampling.topP, minP: sampling.minP, seed: sampling.seed))
        return LocalSession(
            generator: generator, chat: chat, conversation: conversation, maxTokens: maxTokens, stop: sampling.stop,
            unread: chat.conversation(messages.map(ChatTurn.init)) + chat.generationPrompt)
    }

    public func gather(_ count: Int) async { await generator.gather(count) }
}

extension Grammar.State: ByteGrammar {}

extension ChatEncoder {
    /// The markup that goes with a prompt style: the model's own, or none.
    public init(_ tokenizer: Tokenizer, for prompt: PromptStyle) throws {
        try self.init(tokenizer, format: prompt.isPlainText ? .plain : nil)
    }
}

extension ChatTurn {
    init(_ message: ChatMessage) {
        let role: ChatRole =
            switch message.role {
            case .system: .system
            case .user: .user
            case .assistant: .assistant
            }
        self.init(role, message.content)
    }
}
