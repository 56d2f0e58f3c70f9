import ArgumentParser
import Foundation
import ModelServing
import ServeCommands

struct BenchModelServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model-server",
        abstract: "Tokens a second of the model server, beside its generator alone with the same requests.")

    @Option(help: "A known model's name or a model file.") var model: String?
    @Option(help: "Requests at the same time.") var batch = 16
    @Option(help: "Tokens of each answer.") var tokens = 64
    @Option(help: "Rounds that count; one more warms up.") var rounds = 3
    @Flag(help: "Print the figures as one JSON object on standard output.") var json = false

    func validate() throws {
        if batch < 1 || tokens < 1 || rounds < 1 {
            throw ValidationError("--batch, --tokens and --rounds must be at least 1.")
        }
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        let name = try resolvedModel(model)
        let models = try await ServedModel.load(name: name, path: modelPath(name))
        let result = try await ServingBenchmark(model: models[0], batch: batch, tokens: tokens, rounds: rounds)
            .run { port, body in
                // An event with ids for each token; other events hold none.
                let answer = try await post("127.0.0.1", port, "/v1/completions", body)
                return answer.matches(of: /"token_ids":\[[0-9]/).count
            }
        let share = 100 * result.servedTokensPerSecond / result.generatorTokensPerSecond
        Terminal.say(
            String(
                format: "batch %d: %.1f tokens/s served, %.1f without a server (%.1f %%)", batch,
                result.servedTokensPerSecond, result.generatorTokensPerSecond, share))
        if json { try Terminal.printJSON(result) }
    }
}
