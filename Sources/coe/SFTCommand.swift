import ArgumentParser
import CommandSupport
import Foundation
import LanguageModels
import PythonSandbox
import ServeCommands
import Tensors
import Tools
import Training

struct SFTCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sft",
        abstract: "Trains a LoRA adapter on demonstrations.",
        discussion: """
            Example: coe sft --data demos.jsonl --validation held.jsonl --model smollm2-135m --out runs/sft
            Ctrl-C saves; the same command with --resume goes on exactly where it stopped. The finished adapter, a PEFT \
            folder, is runs/sft/adapter. torchrun --no-python --nproc-per-node 2 coe sft … trains in several processes \
            together, each on --batch demonstrations a step.
            """)

    @Option(help: .recipe, completion: .file(extensions: ["yaml", "yml", "json"])) var recipe: String?
    @Option(help: "A file of demonstrations; repeatable.", completion: .file()) var data: [String]
    @Option(help: "A file of demonstrations to measure on; they are not learned.", completion: .file())
    var validation: String?
    @OptionGroup var model: BaseModelOptions
    @Option(help: "An adapter to go on from (PEFT folder); a new one when not given.", completion: .directory)
    var adapter: String?
    @Option(help: .out, completion: .directory) var out: String
    @Flag(help: .resume) var resume = false
    @Option(help: "The adapter's rank; it is scaled by 2.") var rank = 16
    @Option(help: "The highest learning rate.") var learningRate = 1e-3
    @Option(help: "Demonstrations a step.") var batch = 16
    @Option(help: "How often each demonstration is learned.") var epochs = 1
    @Option(help: "Tokens after which training ends, instead of epochs.") var trainTokens: Int?
    @Option(help: "The most tokens of a demonstration; longer ones are left out.") var maxLength = 2_048
    @Option(help: .tokensPerPass) var tokensPerPass = 2_048
    @Option(help: .seed) var seed: UInt64 = 0
    @Option(help: .validateEvery) var validateEvery: Int?
    @Option(help: .validationCount) var validationCount = 64
    @Option(help: "Validation episodes that are played; 0 needs no sandbox.") var validationEpisodes = 32
    @Flag(help: .json) var json = false

    func validate() throws {
        for (name, value) in [
            ("--rank", rank), ("--batch", batch), ("--epochs", epochs), ("--max-length", maxLength),
            ("--tokens-per-pass", tokensPerPass), ("--validate-every", validateEvery ?? 1),
            ("--train-tokens", trainTokens ?? 1),
        ] where value < 1 { throw ValidationError("\(name) must be at least 1.") }
        if learningRate <= 0 { throw ValidationError("--learning-rate must be positive.") }
    }

    /// What the options say, as the run folder records it.
    func settings() throws -> SFTConfiguration {
        let choice = try ModelChoice(model: model.model, adapter: adapter ?? "none", tools: [])
        var settings = SFTConfiguration(model: choice.name, data: data)
        settings.validation = validation
        settings.adapter = choice.adapter
        settings.lora = LoRAConfiguration(rank: rank, alpha: 2 * Double(rank))
        settings.optimizer.learningRate = learningRate
        settings.batch = batch
        settings.epochs = epochs
        settings.maxTokens = trainTokens
        settings.maxLength = maxLength
        settings.tokensPerPass = tokensPerPass
        settings.precision = model.resolvedPrecision
        settings.seed = seed
        settings.validateEvery = validateEvery ?? settings.validateEvery
        settings.validationCount = validationCount
        settings.validationEpisodes = validationEpisodes
        return settings
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        Interrupt.catchFirst()
        let settings = try settings()
        let path = try KnownModel.path(of: settings.model)
        try await withTrainingErrors {
            if validation != nil && validationEpisodes > 0 {
                try await withSandbox { try await train(settings, path, $0) }
            } else {
                try await train(settings, path, nil)
            }
        }
    }

    private func train(_ settings: SFTConfiguration, _ path: String, _ sandbox: PythonSandbox?) async throws -> URL {
        let lines = TrainingLines(json: json)
        return try await SFT(
            settings, folder: URL(filePath: out), toolbox: .standard, sandbox: sandbox, group: try ProcessGroup()
        ).run(resume: resume, modelPath: path, shouldStop: { Interrupt.isRequested }, observe: lines.show)
    }
}

/// Runs a training and says where the adapter is. An interruption ends the process with exit code 130.
func withTrainingErrors(_ train: () async throws -> URL) async throws {
    do {
        Terminal.say("The adapter is \(try await train().path(percentEncoded: false)).")
    } catch let error as TrainingError where error.code == .interrupted {
        throw Interruption(error.description)
    }
}
