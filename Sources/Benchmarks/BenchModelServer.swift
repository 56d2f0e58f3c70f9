import ArgumentParser
import CommandSupport
import Foundation
import ModelServing
import ServeCommands

struct BenchModelServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model-server",
        abstract: "Tokens a second of the model server, beside its generator alone with the same requests.")

    @OptionGroup var options: BaseModelOptions
    @Option(help: "Requests at the same time.") var requests = 16
    @Flag(help: .json) var json = false

    func validate() throws {
        if requests < 1 { throw ValidationError("--requests must be at least 1.") }
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        let choice = try ModelChoice(model: options.model, adapter: "none", tools: [])
        let models = try await ServedModel.load(
            name: choice.name, path: choice.path, precision: options.resolvedPrecision)
        let result = try await ServingBenchmark(model: models[0], batch: requests).run { port, body in
            // An event with ids for each token; other events hold none.
            let answer = try await post("127.0.0.1", port, "/v1/completions", body)
            return answer.matches(of: /"token_ids":\[[0-9]/).count
        }
        let share = 100 * result.servedTokensPerSecond / result.generatorTokensPerSecond
        Terminal.say(
            String(
                format: "batch %d: %.1f tokens/s served, %.1f without a server (%.1f %%)", requests,
                result.servedTokensPerSecond, result.generatorTokensPerSecond, share))
        if json { try Terminal.printJSON(result) }
    }
}
