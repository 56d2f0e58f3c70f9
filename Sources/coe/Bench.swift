import ArgumentParser
import Foundation
import LanguageModels
import ServeCommands
import Tensors

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures this machine's speed.",
        subcommands: [
            BenchInference.self, BenchSandbox.self, BenchSoak.self, BenchDemonstrations.self, BenchServe.self,
            BenchModelServer.self,
            BenchFuzz.self,
        ])
}

struct BenchInference: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inference",
        abstract: "How fast a model reads (prefill) and writes (decode), in tokens a second; medians over rounds.")

    @Option(help: "A known model's name or a model file.") var model: String?
    @Option(help: "Rounds that count; one more warms up.") var rounds = 5
    @Option(help: "Threads of one operation; the number of cores when not given.") var threads: Int?
    @Flag(help: "Print the figures as one JSON object on standard output.") var json = false

    private struct Result: Codable {
        var model: String
        var device: String
        var threads: Int
        var loadSeconds: Double
        var rows: [InferenceBenchmark.Row]
        var peakMemoryMB: Int?
    }

    func validate() throws {
        if rounds < 1 { throw ValidationError("--rounds must be at least 1.") }
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        let name = model ?? KnownModel.default.name
        let path = try modelPath(name)
        let (threads, rounds) = (threads, rounds)
        let result = try await ComputeThread().run {
            if let threads { try Engine.setThreadCount(threads) }
            let clock = ContinuousClock()
            let start = clock.now
            let model = try CausalLM(path: path, device: .best)
            let seconds = start.duration(to: clock.now) / .seconds(1)
            return Result(
                model: name, device: model.device.description, threads: Engine.threadCount, loadSeconds: seconds,
                rows: try InferenceBenchmark(model: model, rounds: rounds).run(), peakMemoryMB: peakMemoryMB())
        }
        Terminal.say(
            "\(name) on \(result.device), \(result.threads) threads, loaded in \(format(result.loadSeconds)) s")
        for row in result.rows {
            Terminal.say(
                "\(row.name): \(format(row.tokensPerSecond)) tokens/s (\(format(row.slowest)) to \(format(row.fastest)))"
            )
        }
        if let memory = result.peakMemoryMB { Terminal.say("peak memory: \(memory) MB") }
        if json { try Terminal.printJSON(result) }
    }

    private func format(_ value: Double) -> String { String(format: "%.1f", value) }
}

/// The most memory that this process has held, where /proc tells.
private func peakMemoryMB() -> Int? {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
        let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
    else { return nil }
    return line.split(separator: " ").compactMap { Int($0) }.first.map { $0 / 1024 }
}
