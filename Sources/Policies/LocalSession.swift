import LanguageModels
import StatefulTools
import Tokenization

/// One conversation of a ``LocalPolicy``.
actor LocalSession: PolicySession {
    private let generator: Generator
    private let chat: ChatEncoder
    private let conversation: Generator.ConversationID
    private let maxTokens: Int
    private let stop: [String]
    /// Ids that the model has not read yet.
    private var unread: [Int]

    init(
        generator: Generator, chat: ChatEncoder, conversation: Generator.ConversationID, maxTokens: Int,
        stop: [String], unread: [Int]
    ) {
        self.generator = generator
        self.chat = chat
        self.conversation = conversation
        self.maxTokens = maxTokens
        self.stop = stop
        self.unread = unread
    }

    func respond(_ guidance: Guidance) async throws -> Completion {
        let prompt = unread
        let output: Generator.Output
        do {
            output = try await generator.generate(
                conversation, appending: prompt, limit: maxTokens, stop: .init(tokens: chat.stopIDs, strings: stop),
                grammar: guidance.grammar?.start, resamples: guidance.resamples, draft: guidance.draft)
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
            finish: output.finish == .stop ? .stop : .length, resamples: output.resamples == 0 ? nil : output.resamples,
            usage: output.discardedTokens == 0
                ? nil : TokenUsage(promptTokens: 0, completionTokens: output.tokens.count + output.discardedTokens))
    }

    func append(_ message: ChatMessage) { unread += chat.message(ChatTurn(message)) + chat.generationPrompt }

    func end() async { await generator.end(conversation) }
}
