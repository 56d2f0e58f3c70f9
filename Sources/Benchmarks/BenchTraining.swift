import ArgumentParser
import CommandSupport
import Foundation
import LanguageModels
import ServeCommands
import Tensors
import Training

struct BenchTraining: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "training",
        abstract: "How fast demonstrations are learned, beside TRL's SFTTrainer with PEFT on the same examples.",
        discussion: """
            Example: coe bench training --data demos.jsonl --peer-python .venv/bin/python
            The peer needs a Python with torch, transformers, peft and trl, and scripts/bench-trl.py.
            """)

    @Option(help: "A file of demonstrations; repeatable.") var data: [String]
    @OptionGroup var options: BaseModelOptions
    @Option(help: "Steps; the first warms up and is not counted.") var steps = 6
    @Option(help: "Demonstrations a step.") var batch = 16
    @Option(help: "A Python with TRL: runs TRL beside this engine, in bfloat16 beside int8.") var peerPython: String?
    @Flag(help: .json) var json = false

    /// One trainer in one precision.
    private struct Row: Codable {
        var trainer: String
        var precision: String
        var demonstrationsPerHour: Double
        var tokensPerSecond: Double
        var peakMemoryMB: Int
        var losses: [Double]
    }

    func validate() throws {
        if steps < 2 || batch < 1 { throw ValidationError("--steps must be at least 2 and --batch at least 1.") }
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        let choice = try ModelChoice(model: options.model, adapter: "none", tools: [])
        let path = try choice.path
        let folder = FileManager.default.temporaryDirectory.appending(path: "coe-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var configuration = SFTConfiguration(model: choice.name, data: data)
        configuration.batch = batch
        configuration.precision = options.resolvedPrecision
        let (steps, resolved) = (steps, configuration)
        var rows: [Row] = [
            try await ComputeThread().run { () -> Row in
                MemoryPeak.reset()
                let benchmark = try TrainingBenchmark(resolved, modelPath: path, steps: steps)
                try benchmark.writeExamples(to: folder)
                let result = try benchmark.run()
                return Row(
                    trainer: "coe", precision: resolved.precision.rawValue,
                    demonstrationsPerHour: result.demonstrationsPerHour, tokensPerSecond: result.tokensPerSecond,
                    peakMemoryMB: MemoryPeak.megabytes ?? 0, losses: result.losses)
            }
        ]
        show(rows[0])
        if let peerPython {
            let precision = resolved.precision == .int8 ? .bfloat16 : resolved.precision
            let arguments = [
                path, folder.path(percentEncoded: false), precision.rawValue, "\(batch)", "\(Engine.threadCount)",
                "\(configuration.optimizer.learningRate)",
            ]
            rows.append(try runPeer(peerPython, "scripts/bench-trl.py", arguments))
            show(rows[1])
        }
        if json { try Terminal.printJSON(["rows": rows]) }
    }

    private func show(_ row: Row) {
        let losses = row.losses.map { String(format: "%.3f", $0) }.joined(separator: " ")
        Terminal.say(
            String(
                format: "%@ %@: %.0f demonstrations/hour, %.0f tokens/s, %d MB, losses %@", row.trainer, row.precision,
                row.demonstrationsPerHour, row.tokensPerSecond, row.peakMemoryMB, losses))
    }
}
