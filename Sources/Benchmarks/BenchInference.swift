import ArgumentParser
import CommandSupport
import Foundation
import LanguageModels
import ServeCommands
import Tensors

struct BenchInference: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inference",
        abstract: "How fast a model reads (prefill) and writes (decode), in tokens a second; medians over rounds.")

    @OptionGroup var options: BaseModelOptions
    @Option(help: "Rounds that count; one more warms up.") var rounds = 5
    @OptionGroup var peers: PeerOptions
    @Flag(help: .json) var json = false

    private struct Result: Codable {
        var model: String
        var device: String
        var precision: Precision
        var threads: Int
        var loadSeconds: Double
        var rows: [InferenceBenchmark.Row]
        var weightsMB: Int
        /// The most memory of keys and values at once.
        var cacheMB: Int
        var peakMemoryMB: Int?
        var peers: [String: [InferenceBenchmark.Row]] = [:]
    }

    func validate() throws {
        if rounds < 1 { throw ValidationError("--rounds must be at least 1.") }
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        let choice = try ModelChoice(model: options.model, adapter: "none", tools: [])
        let (name, path) = (choice.name, try choice.path)
        let (rounds, precision) = (rounds, options.resolvedPrecision)
        var result = try await ComputeThread().run {
            let clock = ContinuousClock()
            let start = clock.now
            let model = try CausalLM(path: path, device: .best, precision: precision)
            let seconds = start.duration(to: clock.now) / .seconds(1)
            let measured = try InferenceBenchmark(model: model, rounds: rounds).run()
            return Result(
                model: name, device: model.device.description, precision: model.precision, threads: Engine.threadCount,
                loadSeconds: seconds, rows: measured.rows, weightsMB: model.weightByteCount / 1_000_000,
                cacheMB: measured.cacheByteCount / 1_000_000, peakMemoryMB: MemoryPeak.megabytes)
        }
        Terminal.say(
            "\(name) in \(result.precision.rawValue) on \(result.device), \(result.threads) threads, loaded in "
                + "\(format(result.loadSeconds)) s")
        func show(_ row: InferenceBenchmark.Row, _ note: String = "") {
            Terminal.say(
                "\(row.name): \(format(row.tokensPerSecond)) tokens/s (\(format(row.slowest)) to "
                    + "\(format(row.fastest)))\(note)")
        }
        for row in result.rows { show(row) }
        if let memory = result.peakMemoryMB {
            Terminal.say(
                "weights: \(result.weightsMB) MB, keys and values: \(result.cacheMB) MB, peak memory: \(memory) MB")
        }
        struct Answer: Decodable { var rows: [InferenceBenchmark.Row] }
        try peers.run("inference", model: path, argument: "\(rounds)") { (peer, answer: Answer) in
            result.peers[peer] = answer.rows
            for row in answer.rows {
                let ours = result.rows.first { $0.name == row.name }
                let ratio = ours.map { " (\(format($0.tokensPerSecond / row.tokensPerSecond)) times as fast here)" }
                show(row, "\(ratio ?? "") \(peer)")
            }
        }
        if json { try Terminal.printJSON(result) }
    }

    private func format(_ value: Double) -> String { String(format: "%.1f", value) }
}
