public import Episodes
public import LanguageModels
public import LineEditor
import Tensors
public import Tokenization

/// A language model on this machine as the player.
///
/// Ids go in and come out: what the model wrote stays in its context as it was sampled, and only what is new is
/// turned into ids. All sessions share one ``Generator`` and so advance together.
public struct LocalPolicy: Policy {
    public let name: String
    public let generator: Generator
    private let chat: ChatEncoder

    /// - Parameters:
    ///   - model: A GGUF file or a folder in the Hugging Face layout.
    ///   - adapter: A PEFT folder.
    ///   - precision: What the model computes in; ``Precision/standard(on:)`` when nil.
    public init(name: String, model: String, adapter: String?, precision: Precision? = nil) async throws {
        let device = Device.best
        let precision = precision ?? .standard(on: device)
        let tokenizer = try Tokenizer(modelPath: model)
        let prompt = try adapter.flatMap(AdapterCard.read(fromAdapter:))?.prompt
        let chat = try ChatEncoder(tokenizer, for: prompt ?? Prompt())
        let thread = ComputeThread()
        // Loading computes (weights are unpacked by tensor operations), so it belongs to the same thread.
        let generator = try await thread.run {
            Generator(
                model: try CausalLM(path: model, adapter: adapter, device: device, precision: precision),
                tokenizer: tokenizer, thread: thread)
        }
        // Results in other numbers than full precision say so.
        self.init(
            name: precision == .float32 ? name : "\(name) (\(precision.rawValue))", generator: generator, chat: chat)
    }

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
            unread: chat.conversation(messages.map(ChatTurn.init)) + chat.generationPrompt,
            shown: messages.map(\.content))
    }
}

/// One conversation of a ``LocalPolicy``.
actor LocalSession: PolicySession {
    private let generator: Generator
    private let chat: ChatEncoder
    private let conversation: Generator.ConversationID
    private let maxTokens: Int
    private let stop: [String]
    /// Ids that the model has not read yet.
    private var unread: [Int]
    private var copies = LineCopies()

    init(
        generator: Generator, chat: ChatEncoder, conversation: Generator.ConversationID, maxTokens: Int,
        stop: [String], unread: [Int], shown: [String]
    ) {
        self.generator = generator
        self.chat = chat
        self.conversation = conversation
        self.maxTokens = maxTokens
        self.stop = stop
        self.unread = unread
        for message in shown { copies.read(message) }
    }

    func respond(within grammar: CommandGrammar?) async throws -> Completion {
        let prompt = unread
        let output: Generator.Output
        do {
            output = try await generator.generate(
                conversation, appending: prompt, limit: maxTokens, stop: .init(tokens: chat.stopIDs, strings: stop),
                grammar: grammar?.start, redraws: grammar?.redraws ?? 0, drafts: copies)
        } catch let error as LanguageModelError where error.code == .contextFull {
            throw PolicyError(.contextFull, error.description)
        }
        // The message is closed as the template closes it, whether the model wrote its end itself or was cut.
        let wroteEnd = output.tokens.last == chat.endOfTurn
        unread = wroteEnd ? chat.afterTurn : chat.closing
        var text = chat.tokenizer.decode(output.tokens.filter { !chat.stopIDs.contains($0) }, skippingControl: true)
        if let end = stop.compactMap({ text.firstRange(of: $0)?.lowerBound }).min() { text = String(text[..<end]) }
        return Completion(
            text: text, promptTokenIDs: prompt, tokenIDs: output.tokens, logProbabilities: output.logProbabilities,
            finish: output.finish == .stop ? .stop : .length, redraws: output.redraws == 0 ? nil : output.redraws,
            usage: output.discardedTokens == 0
                ? nil : TokenUsage(promptTokens: 0, completionTokens: output.tokens.count + output.discardedTokens))
    }

    func append(_ message: ChatMessage) {
        copies.read(message.content)
        unread += chat.message(ChatTurn(message)) + chat.generationPrompt
    }

    func end() async { await generator.end(conversation) }
}

extension CommandGrammar.State: ByteGrammar {}

extension ChatEncoder {
    /// The markup that goes with a prompt: the model's own, or none.
    public init(_ tokenizer: Tokenizer, for prompt: Prompt) throws {
        try self.init(tokenizer, format: prompt.isPlainText ? .plain : nil)
    }
}

extension ChatTurn {
    fileprivate init(_ message: ChatMessage) {
        let role: ChatRole =
            switch message.role {
            case .system: .system
            case .user: .user
            case .assistant: .assistant
            }
        self.init(role, message.content)
    }
}
