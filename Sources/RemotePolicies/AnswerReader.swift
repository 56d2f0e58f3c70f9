import Foundation
import StatefulTools

/// Puts a chat completion together, streamed or not.
struct AnswerReader {
    /// Why the response is no answer.
    struct Fault: Error {
        var sentence: String
        var status = 0
        var isTransient = true
    }

    private var answer = ChatClient.Answer()
    private var line: [UInt8] = []
    private var hasFinish = false
    private var events = 0
    /// Events with text: about one a token, for servers that count no tokens.
    private var pieces = 0
    /// The bytes outside of events: the whole answer where it is not streamed.
    private var rest: [UInt8] = []

    mutating func read(_ bytes: some Sequence<UInt8>) throws {
        for byte in bytes {
            if byte == 0x0A {
                try take(line)
                line.removeAll(keepingCapacity: true)
            } else {
                line.append(byte)
            }
        }
    }

    /// - Throws: ``Fault`` when the stream ended before the answer did.
    mutating func finish() throws -> ChatClient.Answer {
        try take(line)
        if events == 0 { try take(json: Data(rest)) }
        guard hasFinish else {
            throw Fault(sentence: events > 0 ? "the stream broke off" : "the response is no chat completion")
        }
        if answer.usage == nil, events > 0 {
            answer.usage = TokenUsage(
                promptTokens: answer.promptTokenIDs?.count ?? 0, completionTokens: max(pieces, answer.tokenIDs.count))
        }
        return answer
    }

    private mutating func take(_ line: [UInt8]) throws {
        var line = line[...]
        if line.last == 0x0D { line.removeLast() }
        guard line.starts(with: "data:".utf8) else {
            if events == 0 { rest += line + [0x0A] }
            return
        }
        events += 1
        let data = Data(line.dropFirst(5).drop { $0 == 0x20 })
        if data.elementsEqual("[DONE]".utf8) { return }
        try take(json: data)
    }

    private mutating func take(json data: Data) throws {
        if let message = Self.message(inError: data) { throw Fault(sentence: String(message.prefix(300)), status: 500) }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let chunk = try? decoder.decode(Chunk.self, from: data) else {
            throw Fault(
                sentence: "the response is no chat completion: \(String(decoding: data.prefix(200), as: UTF8.self))")
        }
        if let usage = chunk.usage {
            answer.usage = TokenUsage(
                promptTokens: usage.promptTokens ?? 0, completionTokens: usage.completionTokens ?? 0)
        }
        if let ids = chunk.promptTokenIds { answer.promptTokenIDs = ids }
        // The last event, with the usage, has no choice.
        guard let choice = chunk.choices?.first else { return }
        if let text = (choice.delta ?? choice.message)?.content, !text.isEmpty {
            answer.text += text
            pieces += 1
        }
        if let ids = choice.promptTokenIds { answer.promptTokenIDs = ids }
        let entries = choice.logprobs?.content ?? []
        answer.logProbabilities += entries.map(\.logprob)
        // vLLM and coe give the ids apart, llama.cpp inside the log-probabilities.
        answer.tokenIDs += choice.tokenIds ?? entries.compactMap(\.id)
        if let reason = choice.finishReason {
            hasFinish = true
            answer.finish = reason == "length" ? .length : .stop
        }
    }

    /// The message of `{"error": …}` or `{"detail": …}` in its several forms.
    static func message(inError data: Data) -> String? {
        struct Body: Decodable {
            struct Inner: Decodable { var message: String? }
            var error: Inner?
            var text: String?

            private enum CodingKeys: String, CodingKey { case error, detail, object, message }

            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: CodingKeys.self)
                error = try? container.decode(Inner.self, forKey: .error)
                text =
                    (try? container.decode(String.self, forKey: .error))
                    ?? (try? container.decode(String.self, forKey: .detail))
                if (try? container.decode(String.self, forKey: .object)) == "error" {
                    text = try? container.decode(String.self, forKey: .message)
                }
            }
        }
        guard let body = try? JSONDecoder().decode(Body.self, from: data) else { return nil }
        return body.error?.message ?? body.text
    }

    private struct Chunk: Decodable {
        struct Choice: Decodable {
            struct Message: Decodable { var content: String? }
            struct LogProbabilities: Decodable {
                struct Entry: Decodable {
                    var logprob: Float
                    var id: Int?
                }
                var content: [Entry]?
            }
            var delta: Message?
            var message: Message?
            var finishReason: String?
            var logprobs: LogProbabilities?
            var tokenIds: [Int]?
            var promptTokenIds: [Int]?
        }
        struct Usage: Decodable {
            var promptTokens: Int?
            var completionTokens: Int?
        }
        var choices: [Choice]?
        var usage: Usage?
        var promptTokenIds: [Int]?
    }
}
