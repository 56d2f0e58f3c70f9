import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import StatefulTools
import Synchronization

/// Asks an OpenAI-compatible server for chat completions.
final class ChatClient: Sendable {
    /// What the server answered to one request.
    struct Answer: Sendable {
        var text = ""
        var finish = Completion.Finish.stop
        var tokenIDs: [Int] = []
        var promptTokenIDs: [Int]?
        var logProbabilities: [Float] = []
        var usage: TokenUsage?
    }

    /// What the client asks for beside the text. When a server refuses one level, the client goes down to the next.
    enum Extras: Int, Sendable {
        case none, logProbabilities, tokenIDs
    }

    /// A failure, and whether the same request may succeed later.
    private struct Failure: Error {
        var sentence: String
        var status = 0
        var isTransient: Bool
        var pause: Double?
    }

    private let url: String
    private let model: String
    private let key: String?
    private let options: RemotePolicy.Options
    private let limit: ConcurrencyLimit
    private let extras = Mutex(Extras.tokenIDs)
    /// The most bytes of one answer; no command and no whole answer is as long.
    private static let answerLimit = 8 << 20

    init(url: String, model: String, key: String?, options: RemotePolicy.Options) {
        self.url = url
        self.model = model
        self.key = key
        self.options = options
        limit = ConcurrencyLimit(options.concurrency)
    }

    func complete(
        _ messages: [ChatMessage], sampling: SamplingParameters, maxTokens: Int
    ) async throws -> Answer {
        var attempt = 0
        while true {
            let asked = extras.withLock { $0 }
            do {
                await limit.enter()
                defer { limit.leave() }
                try Task.checkCancellation()
                let encoder = JSONEncoder()
                // A repeated request has the same bytes, so that caches in between know it.
                encoder.outputFormatting = .sortedKeys
                let body = try encoder.encode(
                    Request(
                        model, messages, sampling, maxTokens, logProbabilities: asked != .none,
                        tokenIDs: asked == .tokenIDs))
                return try await withTimeout { [self] in try await send(body) }
            } catch let failure as Failure {
                if Self.isContextFull(failure) { throw PolicyError(.contextFull, failure.sentence) }
                if asked != .none, Self.mayRefuseExtras(failure) {
                    extras.withLock { $0 = min($0, Extras(rawValue: asked.rawValue - 1) ?? .none) }
                    continue
                }
                guard failure.isTransient, attempt < options.retries else {
                    throw PolicyError(.unavailable, "\(url) gave no answer: \(failure.sentence)")
                }
                let pause = options.pauseSeconds * Double(1 << attempt) * .random(in: 0.5...1.5)
                attempt += 1
                try await Task.sleep(for: .seconds(min(60, max(pause, failure.pause ?? 0))))
            }
        }
    }

    private static func isContextFull(_ failure: Failure) -> Bool {
        let text = failure.sentence.lowercased()
        return (400..<600).contains(failure.status)
            && [
                "context length", "context_length", "context size", "context window", "exceed_context",
                "maximum context",
            ]
            .contains { text.contains($0) }
    }

    private static func mayRefuseExtras(_ failure: Failure) -> Bool {
        let text = failure.sentence.lowercased()
        return failure.status == 400 || failure.status == 422
            || (failure.status == 500 && (text.contains("logprob") || text.contains("logits")))
    }

    private func withTimeout(_ body: @escaping @Sendable () async throws -> Answer) async throws -> Answer {
        let seconds = options.timeoutSeconds
        return try await withThrowingTaskGroup(of: Answer.self) { group in
            group.addTask(operation: body)
            group.addTask {
                try await Task.sleep(for: .seconds(seconds))
                throw Failure(sentence: "it took longer than \(Int(seconds)) s", isTransient: true)
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw CancellationError() }
            return answer
        }
    }

    private func send(_ body: Data) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.headers.add(name: "accept", value: "text/event-stream, application/json")
        if let key { request.headers.add(name: "authorization", value: "Bearer \(key)") }
        request.body = .bytes(body)
        do {
            let response = try await HTTPClient.shared.execute(
                request, timeout: .seconds(Int64(options.timeoutSeconds.rounded(.up))))
            guard response.status == .ok else { throw try await failure(response) }
            var reader = AnswerReader()
            var count = 0
            for try await piece in response.body {
                count += piece.readableBytes
                if count > Self.answerLimit {
                    throw Failure(sentence: "the answer is larger than 8 MiB", isTransient: false)
                }
                try reader.read(piece.readableBytesView)
            }
            return try reader.finish()
        } catch let failure as Failure {
            throw failure
        } catch let fault as AnswerReader.Fault {
            throw Failure(sentence: fault.sentence, status: fault.status, isTransient: fault.isTransient)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            try Task.checkCancellation()
            throw Failure(sentence: "\(error)", isTransient: true)
        }
    }

    private func failure(_ response: HTTPClientResponse) async throws -> Failure {
        let body = try? await response.body.collect(upTo: 1 << 16)
        let text = body.map { String(decoding: $0.readableBytesView, as: UTF8.self) } ?? ""
        let message = AnswerReader.message(inError: Data(text.utf8)) ?? text
        let status = Int(response.status.code)
        return Failure(
            sentence: "HTTP \(status), \(message.prefix(300))", status: status,
            isTransient: [408, 409, 425, 429].contains(status) || status >= 500,
            pause: response.headers.first(name: "retry-after").flatMap(Double.init))
    }

    /// The body of a request.
    private struct Request: Encodable {
        var model: String
        var messages: [ChatMessage]
        var maxTokens: Int
        var temperature: Double
        var topP: Double?
        var minP: Double?
        var seed: UInt64
        var stop: [String]?
        var stream = true
        var streamOptions = ["include_usage": true]
        var logprobs: Bool?
        var returnTokenIDs: Bool?

        init(
            _ model: String, _ messages: [ChatMessage], _ sampling: SamplingParameters, _ maxTokens: Int,
            logProbabilities: Bool, tokenIDs: Bool
        ) {
            self.model = model
            self.messages = messages
            self.maxTokens = maxTokens
            temperature = sampling.temperature
            topP = sampling.topP < 1 ? sampling.topP : nil
            minP = sampling.minP > 0 ? sampling.minP : nil
            seed = sampling.seed
            stop = sampling.stop.isEmpty ? nil : sampling.stop
            logprobs = logProbabilities ? true : nil
            returnTokenIDs = tokenIDs ? true : nil
        }

        private enum CodingKeys: String, CodingKey {
            case model, messages, temperature, seed, stop, stream, logprobs
            case maxTokens = "max_tokens"
            case topP = "top_p"
            case minP = "min_p"
            case streamOptions = "stream_options"
            case returnTokenIDs = "return_token_ids"
        }
    }
}

extension ChatClient.Extras: Comparable {
    static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// Lets a limited number of requests run at once, in the order of arrival.
private final class ConcurrencyLimit: Sendable {
    private let state: Mutex<(free: Int, waiting: [CheckedContinuation<Void, Never>])>

    init(_ count: Int) { state = Mutex((count, [])) }

    func enter() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.waiting.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
