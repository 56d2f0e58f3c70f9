import Foundation
import LanguageModels
import NIOHTTP1
import Serving
import Tokenization

/// Writes the choices of one request and makes the answer of them.
struct Generation: Sendable {
    let request: GenerationRequest
    let model: ServedModel
    let choices: [Choice]
    let isChat: Bool
    private let id: String
    private let created = Int(Date.now.timeIntervalSince1970)

    init(request: GenerationRequest, model: ServedModel, choices: [Choice], isChat: Bool) {
        self.request = request
        self.model = model
        self.choices = choices
        self.isChat = isChat
        let digits = String(UInt64.random(in: 0 ... .max), radix: 16)
        id = (isChat ? "chatcmpl-" : "cmpl-") + digits
    }

    /// What a choice has come to: a piece of text, or its end.
    private struct Piece: Sendable {
        var index: Int
        var text = ""
        var tokens: [(id: Int, logProbability: Float)] = []
        var finish: String?
    }

    /// The response's body makes both forms of answer, so a client that leaves stops them.
    ///
    /// A fault before the first token is the response's status; behind it a stream tells it as an event.
    func response(holding places: Places.Holding) -> HTTPResponse {
        if request.streams {
            return .events { writer in
                defer { withExtendedLifetime(places) {} }
                try await stream(to: writer)
            }
        }
        return HTTPResponse(
            headers: ["content-type": "application/json"],
            body: .stream { writer in
                defer { withExtendedLifetime(places) {} }
                var pieces = choices.map { Piece(index: $0.index) }
                do {
                    try await write { piece in
                        pieces[piece.index].text += piece.text
                        pieces[piece.index].tokens += piece.tokens
                        pieces[piece.index].finish = piece.finish ?? pieces[piece.index].finish
                    }
                } catch let error as LanguageModelError {
                    throw HTTPRefusal(.fault(OpenAIFault(error)))
                }
                try await writer.write(String(decoding: encoded(whole(pieces)), as: UTF8.self))
            })
    }

    private func stream(to writer: ResponseWriter) async throws {
        var written = 0
        var hasBegun = false
        do {
            try await write { piece in
                if !hasBegun, isChat {
                    for choice in choices { try await writer.send(opening(choice)) }
                }
                hasBegun = true
                written += piece.tokens.count
                try await writer.send(chunk(piece))
            }
            if request.includesUsage { try await writer.send(usageChunk(written)) }
        } catch let error as LanguageModelError {
            if !hasBegun { throw HTTPRefusal(.fault(OpenAIFault(error))) }
            try await writer.send(event: "error", OpenAIFault(error).body)
        }
        try await writer.write("data: [DONE]\n\n")
    }

    /// Writes all choices at the same time and calls `tell` with each piece of text that no stop string can cut any
    /// more.
    private func write(_ tell: (Piece) async throws -> Void) async throws {
        let (events, continuation) = AsyncStream.makeStream(of: Event.self)
        let writing = Task {
            defer { continuation.finish() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for choice in choices {
                    group.addTask {
                        let finish = try await generate(choice) { token, logProbability in
                            continuation.yield(.token(choice.index, token, logProbability))
                        }
                        continuation.yield(.end(choice.index, finish))
                    }
                }
                try await group.waitForAll()
            }
        }
        defer { writing.cancel() }
        var decoders = choices.map { _ in StreamingDecoder(model.chat.tokenizer) }
        var filters = choices.map { _ in StopFilter(request.stop) }
        for await event in events {
            switch event {
            case .token(let index, let token, let logProbability):
                let text = filters[index].append(decoders[index].append(token))
                try await tell(Piece(index: index, text: text, tokens: [(token, logProbability)]))
            case .end(let index, let finish):
                let text = filters[index].append(decoders[index].finish()) + filters[index].finish()
                try await tell(
                    Piece(
                        index: index, text: text,
                        finish: finish == .stop || filters[index].isStopped ? "stop" : "length"))
            }
        }
        try Task.checkCancellation()
        try await writing.value
    }

    private enum Event: Sendable {
        case token(Int, Int, Float)
        case end(Int, Generator.Output.Finish)
    }

    private func generate(
        _ choice: Choice, _ observe: @escaping @Sendable (Int, Float) -> Void
    ) async throws -> Generator.Output.Finish {
        let generator = model.generator
        let conversation = await generator.begin(choice.sampling)
        let room = generator.model.configuration.contextLength - choice.prompt.count
        do {
            let output = try await generator.generate(
                conversation, appending: choice.prompt, limit: min(request.maxTokens ?? room, room),
                stop: .init(tokens: model.chat.stopIDs, strings: request.stop), observe: observe)
            await generator.end(conversation)
            return output.finish
        } catch {
            await generator.end(conversation)
            throw error
        }
    }

    // MARK: - The wire

    private struct LogProbabilities: Encodable {
        struct Entry: Encodable {
            var token: String
            var logprob: Float
            var bytes: [UInt8]
            var id: Int
            var topLogprobs: [Int] = []
        }
        /// Of chat completions.
        var content: [Entry]?
        /// Of completions.
        var tokens: [String]?
        var tokenLogprobs: [Float]?
    }

    private struct Message: Encodable {
        var role: String?
        var content: String?
    }

    private struct AnswerChoice: Encodable {
        var index: Int
        var message: Message?
        var delta: Message?
        var text: String?
        var logprobs: LogProbabilities?
        var finishReason: String?
        var tokenIds: [Int]?

        private enum CodingKeys: String, CodingKey {
            case index, message, delta, text, logprobs, finishReason, tokenIds
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(index, forKey: .index)
            try container.encodeIfPresent(message, forKey: .message)
            try container.encodeIfPresent(delta, forKey: .delta)
            try container.encodeIfPresent(text, forKey: .text)
            // Null, not absent, where there is none.
            try container.encode(logprobs, forKey: .logprobs)
            try container.encode(finishReason, forKey: .finishReason)
            try container.encodeIfPresent(tokenIds, forKey: .tokenIds)
        }
    }

    private struct Usage: Encodable {
        var promptTokens: Int
        var completionTokens: Int
        var totalTokens: Int
    }

    private struct Answer: Encodable {
        var id: String
        var object: String
        var created: Int
        var model: String
        var choices: [AnswerChoice]
        var usage: Usage?
        var promptTokenIds: [Int]?
    }

    private func usage(_ written: Int) -> Usage {
        // A prompt counts once for all of its answers.
        let prompt = choices.enumerated().filter { $0.offset % request.count == 0 }.reduce(0) {
            $0 + $1.element.prompt.count
        }
        return Usage(promptTokens: prompt, completionTokens: written, totalTokens: prompt + written)
    }

    private func logProbabilities(_ piece: Piece) -> LogProbabilities? {
        guard request.wantsLogProbabilities, !piece.tokens.isEmpty else { return nil }
        let tokenizer = model.chat.tokenizer
        if !isChat {
            return LogProbabilities(
                tokens: piece.tokens.map { tokenizer.decode([$0.id]) },
                tokenLogprobs: piece.tokens.map(\.logProbability))
        }
        return LogProbabilities(
            content: piece.tokens.map {
                .init(
                    token: tokenizer.decode([$0.id]), logprob: $0.logProbability, bytes: tokenizer.bytes(of: $0.id),
                    id: $0.id)
            })
    }

    private func answer(_ choices: [AnswerChoice], isChunk: Bool) -> Answer {
        let object = isChat ? (isChunk ? "chat.completion.chunk" : "chat.completion") : "text_completion"
        return Answer(id: id, object: object, created: created, model: model.name, choices: choices)
    }

    private func whole(_ pieces: [Piece]) -> Answer {
        var answer = answer(
            pieces.map { piece in
                AnswerChoice(
                    index: piece.index, message: isChat ? Message(role: "assistant", content: piece.text) : nil,
                    text: isChat ? nil : piece.text, logprobs: logProbabilities(piece), finishReason: piece.finish,
                    tokenIds: request.wantsTokenIDs ? piece.tokens.map(\.id) : nil)
            }, isChunk: false)
        answer.usage = usage(pieces.reduce(0) { $0 + $1.tokens.count })
        if request.wantsTokenIDs { answer.promptTokenIds = choices.first?.prompt }
        return answer
    }

    private func opening(_ choice: Choice) -> Answer {
        var answer = answer(
            [AnswerChoice(index: choice.index, delta: Message(role: "assistant", content: ""))], isChunk: true)
        if request.wantsTokenIDs { answer.promptTokenIds = choice.prompt }
        return answer
    }

    private func chunk(_ piece: Piece) -> Answer {
        answer(
            [
                AnswerChoice(
                    index: piece.index,
                    delta: isChat
                        ? Message(content: piece.text.isEmpty && piece.finish != nil ? nil : piece.text) : nil,
                    text: isChat ? nil : piece.text, logprobs: logProbabilities(piece), finishReason: piece.finish,
                    tokenIds: request.wantsTokenIDs ? piece.tokens.map(\.id) : nil)
            ], isChunk: true)
    }

    private func usageChunk(_ written: Int) -> Answer {
        var answer = answer([], isChunk: true)
        answer.usage = usage(written)
        return answer
    }
}
