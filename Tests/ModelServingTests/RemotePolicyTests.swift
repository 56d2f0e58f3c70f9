import Foundation
import LanguageModels
import NIOHTTP1
import PythonRepair
import PythonSandbox
import RemotePolicies
import Serving
import StatefulTools
import TestSupport
import Testing
import Tokenization

@testable import ModelServing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The remote policy against servers of others and our own.
@Suite struct RemotePolicyTests {
    static let task = RepairTask(
        id: "add", prompt: "", program: "def add(a, b):\n    return a - b\n",
        tests: .statements(["assert add(1, 2) == 3"]))

    /// The server knows no grammar, so the model writes what it likes.
    static func player(_ policy: any Policy, _ sandbox: PythonSandbox, turns: Int, maxTokens: Int) -> EpisodePlayer {
        let options = EpisodeOptions(turns: turns, isConstrained: false, prompt: .compact)
        return EpisodePlayer(policy: policy, sandbox: sandbox, options: options, maxTokens: maxTokens)
    }

    @Test func `a whole episode is played against our own server, its ids and cost recorded`() async throws {
        try await withTinyServer { server, _ in
            let policy = try RemotePolicy("http://127.0.0.1:\(server.port)#tiny")
            let sandbox = try await PythonSandbox()
            let player = Self.player(policy, sandbox, turns: 3, maxTokens: 12)
            let sampling = SamplingParameters(temperature: 1, seed: 4)
            let trace = try await player.play(PythonRepair(Self.task), sampling: sampling)
            let again = try await player.play(PythonRepair(Self.task), sampling: sampling)
            await sandbox.shutdown()
            #expect(trace.turns.count == 3)
            #expect(trace.turns.map(\.completion.text) == again.turns.map(\.completion.text))
            #expect(Set(trace.turns.map(\.completion.text)).count == 3)
            let first = trace.turns[0].completion
            #expect(first.tokenIDs.count == 12 && first.logProbabilities.count == 12)
            #expect(first.promptTokenIDs.count == first.usage?.promptTokens)
            #expect(trace.tokens == trace.turns.reduce(0) { $0 + ($1.completion.usage?.completionTokens ?? 0) })
            let sequence = trace.sequence
            #expect(sequence.tokenIDs.count == sequence.logProbabilities.count)
        }
    }

    @Test func `remote and local play are the same play`() async throws {
        try await withTinyServer { server, models in
            let policy = try RemotePolicy("http://127.0.0.1:\(server.port)#tuned")
            let messages = [ChatMessage(role: .system, content: "s"), ChatMessage(role: .user, content: "hello")]
            let session = try await policy.beginSession(
                messages: messages, sampling: SamplingParameters(), maxTokens: 16)
            let remote = try await session.respond(.free)
            let model = models[1]
            let id = await model.generator.begin(SamplingOptions())
            let local = try await model.generator.generate(
                id,
                appending: model.chat.conversation([.init(.system, "s"), .init(.user, "hello")])
                    + model.chat.generationPrompt,
                limit: 16, stop: .init(tokens: model.chat.stopIDs))
            await model.generator.end(id)
            #expect(remote.tokenIDs == local.tokens)
        }
    }

    @Test func `a full context is an outcome, an unknown model a fault`() async throws {
        try await withTinyServer { server, _ in
            let long = [ChatMessage(role: .user, content: String(repeating: "word ", count: 1000))]
            let policy = try RemotePolicy("http://127.0.0.1:\(server.port)/v1#tiny")
            let session = try await policy.beginSession(messages: long, sampling: SamplingParameters(), maxTokens: 4)
            await #expect { try await session.respond(.free) } throws: {
                ($0 as? PolicyError)?.code == .contextFull
            }
            let other = try await RemotePolicy("http://127.0.0.1:\(server.port)#gpt-9")
                .beginSession(messages: long, sampling: SamplingParameters(), maxTokens: 4)
            await #expect { try await other.respond(.free) } throws: {
                ($0 as? PolicyError)?.code == .unavailable
            }
        }
    }

    /// A server that fails in a fixed order, then answers; it keeps what it was asked.
    final class Faulty: HTTPService {
        let asked = AsyncStream.makeStream(of: String.self)
        let script: [@Sendable (HTTPRequest) -> HTTPResponse]
        let counter = Counter()

        actor Counter {
            var count = 0
            func next() -> Int {
                count += 1
                return count - 1
            }
        }

        init(_ script: [@Sendable (HTTPRequest) -> HTTPResponse]) { self.script = script }

        func respond(to request: HTTPRequest) async -> HTTPResponse {
            asked.continuation.yield(String(decoding: request.body, as: UTF8.self))
            return script[min(await counter.next(), script.count - 1)](request)
        }
    }

    static func stream(_ events: [String]) -> HTTPResponse {
        .events { writer in for event in events { try await writer.write("data: \(event)\n\n") } }
    }
    static let good: @Sendable (HTTPRequest) -> HTTPResponse = { _ in
        stream([
            #"{"choices":[{"delta":{"role":"assistant","content":"\u0023## "}}]}"#,
            #"{"choices":[{"delta":{"content":"EXIT"},"finish_reason":"stop"}]}"#,
            #"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#, "[DONE]",
        ])
    }
    static let options = RemotePolicy.Options(timeoutSeconds: 2, retries: 4, pauseSeconds: 0.01)

    func ask(_ script: [@Sendable (HTTPRequest) -> HTTPResponse]) async throws -> (Completion, [String]) {
        let service = Faulty(script)
        let server = try await HTTPServer(service, port: 0, access: AccessRules(host: "127.0.0.1", token: nil))
        do {
            let session = try await RemotePolicy("http://127.0.0.1:\(server.port)", options: Self.options)
                .beginSession(
                    messages: [ChatMessage(role: .user, content: "x")], sampling: SamplingParameters(seed: 3),
                    maxTokens: 8)
            let completion = try await session.respond(.free)
            await server.shutdown()
            service.asked.continuation.finish()
            return (completion, await service.asked.stream.reduce(into: []) { $0.append($1) })
        } catch {
            await server.shutdown()
            throw error
        }
    }

    @Test func `what fails for a moment is asked again, the same`() async throws {
        let (completion, asked) = try await ask([
            { _ in .fault(.tooManyRequests, "busy") }, { _ in .fault(.badGateway, "gone") },
            // It breaks off before the answer is at its end.
            { _ in Self.stream([#"{"choices":[{"delta":{"content":"\u0023## DE"}}]}"#]) },
            { _ in Self.stream([#"{"error":{"message":"overloaded"}}"#]) }, Self.good,
        ])
        #expect(completion.text == "### EXIT")
        #expect(completion.usage == TokenUsage(promptTokens: 9, completionTokens: 2))
        #expect(asked.count == 5 && Set(asked).count == 1)
    }

    @Test func `a server that refuses to be asked for ids is asked without`() async throws {
        let (completion, asked) = try await ask([
            { _ in .fault(.badRequest, "return_token_ids: extra fields not permitted") },
            { _ in .fault(.internalServerError, "logprobs is not supported with logits_all=False") }, Self.good,
        ])
        #expect(completion.text == "### EXIT" && completion.tokenIDs.isEmpty)
        #expect(asked.map { $0.contains("return_token_ids") } == [true, false, false])
        #expect(asked.map { $0.contains("logprobs") } == [true, true, false])
        #expect(!asked[0].contains("tools"))
    }

    @Test func `ids within the log-probabilities are used, as llama.cpp gives them`() async throws {
        let (completion, _) = try await ask([
            { _ in
                Self.stream([
                    #"{"prompt_token_ids":[1,2],"choices":[{"delta":{"content":"a"},"logprobs":{"content":[{"id":7,"token":"a","logprob":-0.5}]}}]}"#,
                    #"{"choices":[{"delta":{},"finish_reason":"length"}]}"#,
                ])
            }
        ])
        #expect(completion.tokenIDs == [7] && completion.logProbabilities == [-0.5])
        #expect(completion.promptTokenIDs == [1, 2] && completion.finish == .length)
    }

    @Test func `an answer that is not streamed is taken too`() async throws {
        let (completion, _) = try await ask([
            { _ in
                .text(
                    #"{"choices":[{"message":{"content":"\u0023## EXIT"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
                    type: "application/json")
            }
        ])
        #expect(completion.text == "### EXIT")
    }

    @Test func `a server that stays silent, is away, or talks nonsense is a sentence`() async throws {
        for script: [@Sendable (HTTPRequest) -> HTTPResponse] in [
            [{ _ in .text("<html>hello</html>") }], [{ _ in .fault(.unauthorized, "no") }],
            [{ _ in .events { _ in try await Task.sleep(for: .seconds(60)) } }],
        ] {
            await #expect { _ = try await ask(script) } throws: { ($0 as? PolicyError)?.code == .unavailable }
        }
        let nobody = try await RemotePolicy("http://127.0.0.1:9#x", options: Self.options)
            .beginSession(messages: [], sampling: SamplingParameters(), maxTokens: 1)
        await #expect { try await nobody.respond(.free) } throws: { ($0 as? PolicyError)?.code == .unavailable }
        for specification in ["", "ftp://x#y", "localhost:8080", "http://#x"] {
            #expect(throws: PolicyError.self) { try RemotePolicy(specification) }
        }
    }

    @Test func `llama.cpp's server plays an episode`() async throws {
        let python = ProcessInfo.processInfo.environment["COE_LLAMA_PYTHON"] ?? clientsPython() ?? ""
        guard let model = cachedModel("SmolLM2-135M-Instruct-Q4_1.gguf"), !python.isEmpty,
            try await runClient(python, ["-c", "import llama_cpp.server"]).code == 0
        else {
            print("note: no Python with llama-cpp-python[server] or no SmolLM2; this test is skipped")
            return
        }
        let port = Int.random(in: 20_000..<30_000)
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = [
            "-m", "llama_cpp.server", "--model", model, "--port", "\(port)", "--n_ctx", "2048", "--n_threads", "2",
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        defer { process.terminate() }
        for _ in 0..<300 {
            if (try? await URLSession.shared.data(from: URL(string: "http://127.0.0.1:\(port)/v1/models")!)) != nil {
                break
            }
            try await Task.sleep(for: .milliseconds(200))
        }
        let sandbox = try await PythonSandbox()
        let policy = try RemotePolicy("http://127.0.0.1:\(port)#smollm2")
        let trace = try await Self.player(policy, sandbox, turns: 2, maxTokens: 16)
            .play(PythonRepair(Self.task), sampling: .commands())
        await sandbox.shutdown()
        #expect(!trace.turns.isEmpty && trace.turns.allSatisfy { !$0.completion.text.isEmpty })
        #expect(trace.tokens > 0)
    }
}
