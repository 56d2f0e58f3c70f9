import ArgumentParser
import CommandSupport
import Foundation
import LanguageModels
import ServeCommands
import StatefulTools
import Tensors
import Tools
import Training

struct RLCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rl",
        abstract: "Improves an adapter by reinforcement learning from the tool's verdicts.",
        discussion: """
            Example: coe rl --data tasks.jsonl --validation held.jsonl --model smollm2-135m --adapter runs/sft/adapter \
            --preset best --out runs/rl
            Ctrl-C saves; the same command with --resume goes on exactly where it stopped. The finished adapter is \
            runs/rl/adapter; coe trace shows episodes from runs/rl. torchrun --no-python --nproc-per-node 2 coe rl … \
            trains in several processes together.
            """)

    @Option(help: .recipe, completion: .file(extensions: ["yaml", "yml", "json"])) var recipe: String?
    @Option(help: "A task set to learn on; of a set with splits the training one; repeatable.", completion: .file())
    var data: [String]
    @Option(help: "A task set to measure on; of a set with splits the validation one.") var validation: String?
    @OptionGroup var model: ModelOptions
    @Option(help: .out, completion: .directory) var out: String
    @Flag(help: .resume) var resume = false
    @Option(help: "The learning rate.") var learningRate = 2e-5
    @Option(help: "Steps of the run; with --resume and more of them a finished run goes on.") var steps = 100
    @Option(help: "Start states a step.") var starts = 4
    @Option(help: .turns) var turns: Int?
    @Option(help: .maxTokens) var maxTokens: Int?
    @Option(help: "The temperature of the rollouts.") var temperature = 1.0
    @Flag(help: .unconstrained) var unconstrained = false
    @Option(help: .resamples) var resamples: Int?
    @Option(
        help: ArgumentHelp(
            "What the rollouts are played in; the same as --precision when not given.",
            discussion: """
                float32 in both is exact: the rollouts' log-probabilities are the policy's to 1e-4. bfloat16 and int8 are \
                about three times as fast on a CPU; truncated importance sampling corrects the difference.
                """))
    var rolloutPrecision: Precision?
    @Option(help: "The most characters of a start state; tasks with longer ones are left out.")
    var maxCharacters = 2_000
    @Option(help: .tokensPerPass) var tokensPerPass = 2_048
    @Option(help: .seed) var seed: UInt64 = 0
    @Option(help: .validateEvery) var validateEvery: Int?
    @Option(help: .validationCount) var validationCount = 64
    @Flag(help: .json) var json = false
    @OptionGroup(title: "The update rule") var rule: RLRuleOptions

    func validate() throws {
        for (name, value) in [
            ("--steps", steps), ("--starts", starts), ("--turns", turns ?? 1), ("--max-tokens", maxTokens ?? 1),
            ("--max-characters", maxCharacters), ("--tokens-per-pass", tokensPerPass),
            ("--validate-every", validateEvery ?? 1), ("--validation-count", validationCount),
        ] where value < 1 { throw ValidationError("\(name) must be at least 1.") }
        if learningRate <= 0 || temperature <= 0 {
            throw ValidationError("--learning-rate and --temperature must be positive.")
        }
        if let resamples, resamples > 0 {
            if unconstrained { throw ValidationError("--resamples is for constrained rollouts.") }
            if temperature < Generator.resampleTemperature {
                throw ValidationError(
                    "--resamples needs a --temperature of at least \(Generator.resampleTemperature), the least at which "
                        + "commands are resampled; --resamples 0 masks their end.")
            }
        }
        if (resamples ?? 0) < 0 { throw ValidationError("--resamples must not be negative.") }
    }

    /// What the options say, as the run folder records it.
    func settings() throws -> RLConfiguration {
        let tasks = try data.flatMap { try Toolbox.standard.load($0, split: .train) }
        let choice = try model.choice(for: tasks.toolNames)
        guard let adapter = choice.adapter else {
            throw UsageError(
                "\(choice.name) comes without an adapter for these tasks: name the one to begin with as --adapter "
                    + "(coe sft makes one).")
        }
        var settings = RLConfiguration(model: choice.name, adapter: adapter, data: data, recipe: rule.recipe)
        settings.validation = validation
        settings.optimizer.learningRate = learningRate
        settings.steps = steps
        settings.starts = starts
        settings.turns = turns ?? tasks.mostTurns
        settings.maxTokens = maxTokens ?? settings.maxTokens
        settings.temperature = temperature
        settings.isConstrained = !unconstrained
        let resamples = temperature < Generator.resampleTemperature ? 0 : self.resamples
        settings.resamples = unconstrained ? 0 : resamples ?? settings.resamples
        settings.precision = model.base.resolvedPrecision
        settings.rolloutPrecision = rolloutPrecision ?? settings.precision
        settings.maxCharacters = maxCharacters
        settings.tokensPerPass = tokensPerPass
        settings.seed = seed
        settings.validateEvery = validateEvery ?? settings.validateEvery
        settings.validationCount = validationCount
        return settings
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        Interrupt.catchFirst()
        let settings = try settings()
        let path = try KnownModel.path(of: settings.model)
        let lines = TrainingLines(json: json)
        try await withTrainingErrors {
            try await withSandbox { sandbox in
                try await GRPO(
                    settings, folder: URL(filePath: out), toolbox: .standard, sandbox: sandbox,
                    group: try ProcessGroup()
                ).run(resume: resume, modelPath: path, shouldStop: { Interrupt.isRequested }, observe: lines.show)
            }
        }
    }
}
