import ArgumentParser
import Foundation
import LanguageModels
import Tensors
import Training

struct BenchTraining: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "training",
        abstract: "How fast demonstrations are learned, beside TRL's SFTTrainer with PEFT on the same examples.",
        discussion: """
            Example: coe bench training --data demos.jsonl --python .venv/bin/python
            The peer needs a Python with torch, transformers, peft and trl, and scripts/bench-trl.py.
            """)

    @Option(help: "A file of demonstrations; repeatable.") var data: [String]
    @Option(help: "A known model, a GGUF file or a Hugging Face folder.") var model: String?
    @Option(help: "Steps; the first warms up and is not counted.") var steps = 6
    @Option(help: "Demonstrations a step.") var batch = 8
    @Option(help: "Threads of one operation; the number of cores when not given.") var threads: Int?
    @Option(help: "float32, bfloat16 or int8; repeatable. The peer takes the same, bfloat16 beside int8.")
    var precision = [Precision.float32, .bfloat16]
    @Option(help: "A Python with TRL, to run the peer.") var python: String?
    @Option(help: "The peer's program.") var peer = "scripts/bench-trl.py"
    @Flag(help: "Print the figures as one JSON object on standard output.") var json = false

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
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        let model = try resolvedModel(model)
        let path = try modelPath(model)
        let folder = FileManager.default.temporaryDirectory.appending(path: "coe-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let count = threads ?? Engine.threadCount
        var rows: [Row] = []
        for precision in precision {
            var configuration = SFTConfiguration(model: model, data: data)
            configuration.batch = batch
            configuration.precision = precision
            let (steps, resolved) = (steps, configuration)
            rows.append(
                try await ComputeThread().run {
                    try Engine.setThreadCount(count)
                    resetPeakMemory()
                    let benchmark = try TrainingBenchmark(resolved, modelPath: path, steps: steps)
                    try benchmark.writeExamples(to: folder)
                    let result = try benchmark.run()
                    return Row(
                        trainer: "coe", precision: precision.rawValue,
                        demonstrationsPerHour: result.demonstrationsPerHour, tokensPerSecond: result.tokensPerSecond,
                        peakMemoryMB: peakMemoryMB() ?? 0, losses: result.losses)
                })
            show(rows[rows.count - 1])
            if let python {
                let arguments = [
                    path, folder.path(percentEncoded: false), (precision == .int8 ? .bfloat16 : precision).rawValue,
                    "\(batch)", "\(count)",
                    "\(configuration.optimizer.learningRate)",
                ]
                rows.append(try runPeer(python, peer, arguments))
                show(rows[rows.count - 1])
            }
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

/// The most memory that this process has held, where /proc tells.
func peakMemoryMB() -> Int? {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
        let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
    else { return nil }
    return line.split(separator: " ").compactMap { Int($0) }.first.map { $0 / 1024 }
}

/// Lets ``peakMemoryMB()`` begin anew (proc(5), clear_refs).
func resetPeakMemory() { try? Data("5".utf8).write(to: URL(filePath: "/proc/self/clear_refs")) }
