import Foundation
import LanguageModels
import ModelServing
import Serving
import Tokenization

/// How fast the model server writes beside its generator alone, with the same requests side by side.
struct ServingBenchmark: Sendable {
    struct Result: Codable, Sendable {
        var batch: Int
        /// Tokens a second over HTTP, streamed; medians over the rounds.
        var servedTokensPerSecond: Double
        /// Tokens a second of the generator without a server.
        var generatorTokensPerSecond: Double
    }

    var model: ServedModel
    var batch: Int
    /// Tokens of each answer.
    var tokens: Int
    var rounds: Int

    init(model: ServedModel, batch: Int = 16, tokens: Int = 64, rounds: Int = 3) {
        self.model = model
        self.batch = batch
        self.tokens = tokens
        self.rounds = rounds
    }

    /// - Parameter stream: asks the server at this port for one streamed answer and returns the tokens it got.
    func run(
        stream: @escaping @Sendable (_ port: Int, _ body: Data) async throws -> Int
    ) async throws -> Result {
        let server = try await HTTPServer(
            try ModelServer([model]), port: 0, access: AccessRules(host: "127.0.0.1", token: nil))
        let port = server.port
        var served: [Double] = []
        var alone: [Double] = []
        // In turn, so that a change of the machine's speed meets both alike; the first round warms up.
        for round in 0...rounds {
            let rates = (
                try await rate { try await stream(port, body($0)) }, try await rate { try await generate($0) }
            )
            if round > 0 {
                served.append(rates.0)
                alone.append(rates.1)
            }
        }
        await server.shutdown()
        return Result(
            batch: batch, servedTokensPerSecond: served.sorted()[rounds / 2],
            generatorTokensPerSecond: alone.sorted()[rounds / 2])
    }

    private func rate(_ body: @escaping @Sendable (Int) async throws -> Int) async throws -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<batch { group.addTask { try await body(index) } }
            return try await group.reduce(0, +)
        }
        return Double(count) / ((clock.now - start) / .seconds(1))
    }

    private static let prompt = "Write down what comes to your mind."

    private func body(_ index: Int) -> Data {
        Data(
            #"{"prompt":"\#(Self.prompt)","max_tokens":\#(tokens),"seed":\#(index),"stream":true,"return_token_ids":true}"#
                .utf8)
    }

    private func generate(_ index: Int) async throws -> Int {
        let generator = model.generator
        let conversation = await generator.begin(SamplingOptions(temperature: 1, seed: UInt64(index)))
        let output = try await generator.generate(
            conversation, appending: model.chat.beginning + model.chat.tokenizer.encode(Self.prompt), limit: tokens,
            stop: .init(tokens: model.chat.stopIDs))
        await generator.end(conversation)
        return output.tokens.count
    }
}
