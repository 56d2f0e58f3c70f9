import ArgumentParser
import Foundation
import LanguageModels
import PythonSandbox
import Synchronization
import Tensors
import Training

struct SFTCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sft",
        abstract: "Trains a LoRA adapter on demonstrations.",
        discussion: """
            Example: coe sft --data demos.jsonl --validation held.jsonl --model smollm2-135m --out runs/sft
            Ctrl-C saves; the same command with --resume goes on exactly where it stopped. The finished adapter, a PEFT
            folder, is runs/sft/adapter. torchrun --no-python --nproc-per-node 2 coe sft … trains in several processes
            together, each on --batch demonstrations a step.
            """)

    @Option(help: "A file of demonstrations; repeatable.") var data: [String]
    @Option(help: "A file of demonstrations to measure on; they are not learned.") var validation: String?
    @Option(help: "A known model, a GGUF file or a Hugging Face folder; the adapter's when not given.")
    var model: String?
    @Option(help: "An adapter to go on from, a PEFT folder.") var adapter: String?
    @Option(help: "The run's folder.") var out: String
    @Flag(help: "Go on with the run in the folder.") var resume = false
    @Option(help: "The adapter's rank.") var rank = 16
    @Option(help: "Its scale is alpha / rank.") var alpha = 32.0
    @Option(help: "Its dropout.") var dropout = 0.0
    @Option(help: "The highest learning rate.") var learningRate = 1e-3
    @Option(help: "Demonstrations a step.") var batch = 16
    @Option(help: "How often each demonstration is learned.") var epochs = 1
    @Option(help: "Tokens after which training ends, instead of epochs.") var maxTokens: Int?
    @Option(help: "Longer demonstrations are left out.") var maxLength = 2_048
    @Option(help: "Tokens that go through the model at once; fewer take less memory.") var tokensPerPass = 2_048
    @Option(help: "Layers whose activations are held at once; the others are computed twice.")
    var layersPerCheckpoint: Int?
    @Option(
        help: ArgumentHelp(
            "The frozen weights and their products: float32, bfloat16 or int8.",
            discussion: """
                int8, for a CPU, is bfloat16 but for the products with the frozen weights, there and back, which are made \
                in 8-bit integers: the fastest. The adapter and its products are never rounded to integers.
                """))
    var precision = Precision.float32
    @Option(help: "The seed.") var seed: UInt64 = 0
    @Option(help: "Steps between two validations.") var validateEvery = 50
    @Option(help: "Demonstrations whose loss and first command are measured.") var validationCount = 64
    @Option(help: "Validation episodes that are played; 0 needs no sandbox.") var validationEpisodes = 32
    @Flag(help: "Print the last metrics as one JSON object on standard output.") var json = false

    func validate() throws {
        for (name, value) in [
            ("--rank", rank), ("--batch", batch), ("--epochs", epochs), ("--max-length", maxLength),
            ("--tokens-per-pass", tokensPerPass), ("--validate-every", validateEvery),
            ("--max-tokens", maxTokens ?? 1), ("--layers-per-checkpoint", layersPerCheckpoint ?? 1),
        ] where value < 1 { throw ValidationError("\(name) must be at least 1.") }
        if !(0..<1).contains(dropout) { throw ValidationError("--dropout is a probability from 0 up to 1.") }
        if learningRate <= 0 || alpha <= 0 { throw ValidationError("--learning-rate and --alpha must be positive.") }
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        Interrupt.catchFirst()
        let model = try resolvedModel(model, adapter: adapter)
        var configuration = SFTConfiguration(model: model, data: data)
        configuration.validation = validation
        configuration.adapter = adapter
        configuration.lora = LoRAConfiguration(rank: rank, alpha: alpha, dropout: dropout)
        configuration.optimizer.learningRate = learningRate
        configuration.batch = batch
        configuration.epochs = epochs
        configuration.maxTokens = maxTokens
        configuration.maxLength = maxLength
        configuration.tokensPerPass = tokensPerPass
        configuration.layersPerCheckpoint = layersPerCheckpoint
        configuration.precision = precision
        configuration.seed = seed
        configuration.validateEvery = validateEvery
        configuration.validationCount = validationCount
        configuration.validationEpisodes = validationEpisodes
        let path = try modelPath(model)
        let plays = validation != nil && validationEpisodes > 0
        do {
            let adapter: URL
            if plays {
                adapter = try await withSandbox { try await train(configuration, path, sandbox: $0) }
            } else {
                adapter = try await train(configuration, path, sandbox: nil)
            }
            Terminal.say("The adapter is \(adapter.path(percentEncoded: false)).")
        } catch let error as TrainingError where error.code == .interrupted {
            Terminal.say(error.description)
            throw ExitCode(130)
        }
    }

    private func train(_ configuration: SFTConfiguration, _ path: String, sandbox: PythonSandbox?) async throws -> URL {
        let lines = TrainingLines(json: json)
        return try await SFT(
            configuration, folder: URL(filePath: out), sandbox: sandbox, group: try ProcessGroup()
        ).run(
            resume: resume, modelPath: path, shouldStop: { Interrupt.isRequested }, observe: lines.show)
    }
}

/// Shows a training run's steps, a line each.
final class TrainingLines: Sendable {
    let json: Bool
    private let start = ContinuousClock.now
    private let seen = Mutex((steps: 0, seconds: 0.0))

    init(json: Bool) { self.json = json }

    func show(_ progress: SFT.Progress) {
        func number(_ name: String, _ format: String) -> String {
            progress.metrics[name].map { String(format: format, $0) } ?? "-"
        }
        let mean = seen.withLock { seen in
            seen.steps += 1
            seen.seconds += progress.metrics["step_time"] ?? 0
            return seen.seconds / Double(seen.steps)
        }
        let left = Double(progress.of - progress.step) * mean
        var line = "step \(progress.step)/\(progress.of)  loss \(number("loss", "%.4f"))"
        line += "  lr \(number("learning_rate", "%.2e"))  \(number("tokens_per_second", "%.0f")) tokens/s"
        line += "  \(Int(left / 60)) min left"
        for name in progress.metrics.keys.sorted() where name.hasPrefix("eval_") {
            line += "  \(name.dropFirst(5)) \(number(name, "%.3f"))"
        }
        Terminal.say(line)
        if json, progress.step == progress.of { try? Terminal.printJSON(progress.metrics) }
    }
}
