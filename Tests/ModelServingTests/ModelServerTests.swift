import Foundation
import LanguageModels
import PythonSandbox
import Serving
import TestSupport
import Testing
import Tokenization

@testable import Benchmarks
@testable import ModelServing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Runs `body` against a model server with the tiny random model and its adapter.
func withTinyServer<Result: Sendable>(
    choiceLimit: Int = 256, _ body: (HTTPServer, [ServedModel]) async throws -> Result
) async throws -> Result {
    let folder = try byteModelFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let models = try await ServedModel.load(
        name: "tiny", path: folder.path(), adapters: [("tuned", fixture("models/tiny-adapter"))],
        precision: .float32)
    let server = try await HTTPServer(
        ModelServer(models, choiceLimit: choiceLimit), port: 0, access: AccessRules(host: "127.0.0.1", token: nil))
    do {
        let result = try await body(server, models)
        await server.shutdown()
        return result
    } catch {
        await server.shutdown()
        throw error
    }
}

/// One request; its status and body.
func post(_ port: Int, _ path: String, _ body: String) async throws -> (status: Int, text: String) {
    var request = URLRequest(url: URL(string: "http://127.0.0.1:\(port)\(path)")!)
    request.httpMethod = "POST"
    request.httpBody = Data(body.utf8)
    let (data, response) = try await URLSession.shared.data(for: request)
    return ((response as? HTTPURLResponse)?.statusCode ?? 0, String(decoding: data, as: UTF8.self))
}

@Suite struct ModelServerTests {
    static let hello = #""messages":[{"role":"user","content":"hello"}]"#

    @Test(arguments: [
        ("{", 400), ("[]", 400), ("{}", 400), (#"{"messages":"x"}"#, 400), (#"{"prompt":"x"}"#, 400),
        (#"{"messages":[]}"#, 400), (#"{"messages":[{"role":"user","content":7}]}"#, 400),
        (#"{\#(hello),"temperature":"hot"}"#, 400), (#"{\#(hello),"n":0}"#, 400), (#"{\#(hello),"stop":[""]}"#, 400),
        (#"{\#(hello),"colour":"red"}"#, 400), (#"{\#(hello),"top_logprobs":5}"#, 400),
        (#"{\#(hello),"tools":[5]}"#, 400), (#"{\#(hello),"tools":[null]}"#, 400),
        (#"{\#(hello),"tools":{}}"#, 400), (#"{\#(hello),"tools":"x"}"#, 400), (#"{\#(hello),"n":1,"n":1}"#, 400),
        (#"{\#(hello),"stream_options":{"usage":true}}"#, 400),
        (#"{"messages":[{"role":"assistant","content":"a","tool_calls":[{"id":"1"}]}]}"#, 400),
        (#"{"messages":[{"role":"assistant","content":"a","tool_calls":[],"refusal":null}],"max_tokens":1}"#, 200),
        (#"{\#(hello),"response_format":{"type":"json_object"}}"#, 400), (#"{\#(hello),"model":"none"}"#, 404),
        (#"{\#(hello),"max_tokens":4,"tools":[],"tool_choice":"none","user":"me"}"#, 200),
        (#"{\#(hello),"max_tokens":4,"model":"default"}"#, 200),
    ])
    func `a request is answered with the status that its fault has`(_ body: String, _ status: Int) async throws {
        try await withTinyServer { server, _ in
            let answer = try await post(server.port, "/v1/chat/completions", body)
            #expect(answer.status == status, "\(answer.text)")
            #expect(answer.text.contains(status == 200 ? #""choices""# : #""error":{""#), "\(answer.text)")
        }
    }

    @Test func `faults are named`() async throws {
        try await withTinyServer { server, _ in
            for (path, body, part) in [
                ("chat/completions", "[]", "The body: Input should be an object."),
                ("chat/completions", #"{\#(Self.hello),"tools":"x"}"#, "tools: This is not supported here"),
                ("chat/completions", #"{\#(Self.hello),"seed":1,"seed":2}"#, "seed: The key stands twice"),
                ("completions", #"{"prompt":"a","logprobs":6}"#, "logprobs: Input should be from 0 to 5"),
                ("completions", #"{"prompt":"a","logprobs":-1}"#, "logprobs: Input should be from 0 to 5"),
            ] {
                let answer = try await post(server.port, "/v1/\(path)", body)
                #expect(answer.status == 400 && answer.text.contains(part), "\(answer.text)")
            }
        }
    }

    @Test func `more choices than there are places are refused and the places come back`() async throws {
        try await withTinyServer(choiceLimit: 4) { server, _ in
            let tooMany = try await post(server.port, "/v1/chat/completions", #"{\#(Self.hello),"n":5}"#)
            #expect(tooMany.status == 400 && tooMany.text.contains("at most 4 at once"))
            let body = #"{\#(Self.hello),"max_tokens":100,"n":4,"seed":1}"#
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<6 {
                    group.addTask { try await post(server.port, "/v1/chat/completions", body).status }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            // Whichever comes first has all places for a while.
            #expect(Set(statuses) == [200, 429], "\(statuses)")
            #expect(
                try await post(server.port, "/v1/chat/completions", #"{\#(Self.hello),"max_tokens":1,"n":4}"#).status
                    == 200)
        }
    }

    @Test func `a server's answers are the generator's own`() async throws {
        try await withTinyServer { server, models in
            let model = models[0]
            let prompt = model.chat.conversation([ChatTurn(.user, "hello")]) + model.chat.generationPrompt
            let id = await model.generator.begin(SamplingOptions(temperature: 0.8, topP: 0.9, seed: 5))
            let output = try await model.generator.generate(
                id, appending: prompt, limit: 20, stop: .init(tokens: model.chat.stopIDs))
            await model.generator.end(id)
            let answer = try await post(
                server.port, "/v1/chat/completions",
                #"{\#(Self.hello),"max_tokens":20,"temperature":0.8,"top_p":0.9,"seed":5,"return_token_ids":true,"logprobs":true}"#
            )
            struct Answer: Decodable {
                struct Choice: Decodable {
                    struct Log: Decodable {
                        struct Entry: Decodable { var logprob: Float }
                        var content: [Entry]
                    }
                    var tokenIds: [Int]
                    var logprobs: Log
                }
                var choices: [Choice]
                var promptTokenIds: [Int]
            }
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let decoded = try decoder.decode(Answer.self, from: Data(answer.text.utf8))
            #expect(decoded.promptTokenIds == prompt)
            #expect(decoded.choices[0].tokenIds == output.tokens)
            for (a, b) in zip(decoded.choices[0].logprobs.content, output.logProbabilities) {
                #expect(abs(a.logprob - b) < 1e-4)
            }
        }
    }

    /// A token without an embedding, and weights that are no numbers: the status says it, also in place of a stream.
    @Test func `a fault before the first token is the answer's status`() async throws {
        let folder = try byteModelFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "tokenizer.json")
        let text = try String(contentsOf: file, encoding: .utf8)
        let far =
            #"{"id":320,"content":"<far>","special":false,"single_word":false,"lstrip":false,"rstrip":false,"normalized":false},"#
        try Data(text.replacing(#""added_tokens":["#, with: #""added_tokens":[\#(far)"#).utf8).write(to: file)
        let damaged = folder.appending(path: "damaged")
        try FileManager.default.copyItem(at: URL(filePath: fixture("models/tiny-adapter")), to: damaged)
        let weights = damaged.appending(path: "adapter_model.safetensors")
        var bytes = try Data(contentsOf: weights)
        // The last number of the last matrix is no number any more.
        bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: [0, 0, 0xC0, 0x7F])
        try bytes.write(to: weights)
        let models = try await ServedModel.load(
            name: "tiny", path: folder.path(), adapters: [("damaged", damaged.path())], precision: .float32)
        let server = try await HTTPServer(
            ModelServer(models), port: 0, access: AccessRules(host: "127.0.0.1", token: nil))
        for stream in ["", #","stream":true"#] {
            for (path, body, status, part) in [
                ("/v1/completions", #"{"prompt":"a<far>b"\#(stream)}"#, 400, "no embedding"),
                (
                    "/v1/chat/completions", #"{"messages":[{"role":"user","content":"<far>"}]\#(stream)}"#, 400,
                    "no embedding"
                ),
                ("/v1/completions", #"{"prompt":"ab","model":"damaged"\#(stream)}"#, 500, "no numbers (NaN)"),
                ("/v1/completions", #"{"prompt":"ab","max_tokens":2\#(stream)}"#, 200, "choices"),
            ] {
                let answer = try await post(server.port, path, body)
                #expect(answer.status == status && answer.text.contains(part), "\(body): \(answer)")
            }
        }
        await server.shutdown()
    }

    @Test func `OpenAI's own client is served in full`() async throws {
        guard let python = clientsPython() else { return }
        guard let model = cachedModel("SmolLM2-135M-Instruct-Q4_1.gguf") else {
            print("note: SmolLM2-135M is not in the cache; this test is skipped (scripts/fetch-model)")
            return
        }
        let folder = FileManager.default.temporaryDirectory.appending(path: "coe-adapter-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let made = try await runClient(python, ["make_adapter.py", folder.path()])
        #expect(made.code == 0, "\(made.output)")
        let models = try await ServedModel.load(
            name: "smollm2-135m", path: model, adapters: [("random", folder.path())], precision: .float32)
        let server = try await HTTPServer(
            ModelServer(models), port: 0, access: AccessRules(host: "127.0.0.1", token: nil))
        let outcome = try await runClient(
            python, ["openai_client.py", "http://127.0.0.1:\(server.port)", "smollm2-135m", "random"])
        await server.shutdown()
        #expect(outcome.code == 0 && outcome.output.contains("all right"), "\(outcome.output)")
    }
}

@Suite struct StopFilterTests {
    @Test(arguments: [
        (["END"], "one END two", "one "), (["\n\n", "###"], "a\nb\n### c", "a\nb\n"), (["aab"], "aaab", "a"),
        (["xyz"], "xyxyxy", "xyxyxy"), (["xyz", "y"], "xy", "x"), ([], "all", "all"), (["é"], "cafés", "caf"),
        (["\n"], "one\r\ntwo", "one\r"), (["\r\n", "x"], "a\rb\r\nc", "a\rb"), (["e"], "cafe\u{301}", "caf"),
    ])
    func `what passes is the text before the first stop string, however it is cut`(
        _ stops: [String], _ text: String, _ wanted: String
    ) {
        for size in 1...4 {
            var filter = StopFilter(stops)
            var passed = ""
            var rest = text[...]
            while !rest.isEmpty {
                passed += filter.append(String(rest.prefix(size)))
                #expect(wanted.hasPrefix(passed), "it passed more than it may: \(passed)")
                rest = rest.dropFirst(size)
            }
            #expect(passed + filter.finish() == wanted)
        }
    }
}

@Suite struct ModelServerFuzzTests {
    @Test func `damaged requests neither end the model server nor draw a failure from it`() async throws {
        try await withTinyServer { server, _ in
            let fuzz = ServerFuzz(port: server.port, seconds: 5, seed: .random(in: 0 ... .max))
            let result = try await fuzz.run()
            #expect(result.survived && result.failures == 0, "seed \(fuzz.seed): \(result.examples)")
            let answer = try await post(
                server.port, "/v1/chat/completions", #"{\#(ModelServerTests.hello),"max_tokens":4}"#)
            #expect(answer.status == 200)
        }
    }
}
