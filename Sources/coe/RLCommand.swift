import ArgumentParser
import Episodes
import Foundation
import LanguageModels
import PythonSandbox
import Tensors
import Training

struct RLCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rl",
        abstract: "Improves an adapter by reinforcement learning from the tests' verdicts.",
        discussion: """
            Example: coe rl --data tasks.jsonl --validation held.jsonl --model smollm2-135m --adapter runs/sft/adapter \
            --preset best --out runs/rl
            Ctrl-C saves; the same command with --resume goes on exactly where it stopped. The finished adapter is \
            runs/rl/adapter; coe trace shows episodes from runs/rl. Each part of a preset can be switched alone.
            torchrun --no-python --nproc-per-node 2 coe rl … trains in several processes together.
            """)

    @Option(help: "A file of tasks to learn on, or a data set as its publisher has it; repeatable.")
    var data: [String]
    @Option(help: "Tasks to measure on; they are not learned.") var validation: String?
    @Option(help: "A known model, a GGUF file or a Hugging Face folder; the adapter's when not given.")
    var model: String?
    @Option(help: "The adapter to begin with (PEFT); the one that comes with the model when not given.")
    var adapter: String?
    @Option(help: "The run's folder.") var out: String
    @Flag(help: "Go on with the run in the folder.") var resume = false
    @Option(help: "paper (arXiv 2507.05065) or best.") var preset = Preset.best
    @Option(help: "The learning rate.") var learningRate = 2e-5
    @Option(help: "Steps of the run; with --resume and more of them a finished run goes on.") var steps = 100
    @Option(help: "Start states a step.") var groups = 4
    @Option(help: "Turns of an episode.") var maxTurns = 10
    @Option(help: "The most tokens of one command.") var maxTokens = 64
    @Option(help: "The temperature of the rollouts.") var temperature = 1.0
    @Flag(help: "Hold rollouts to commands that the program can take, and train under the same mask.")
    var constrained = false
    @Option(
        help: ArgumentHelp(
            "With --constrained: how often an excluded command is drawn anew, as in use.",
            discussion: """
                A command that was tried before or changes nothing; 0 masks its end instead. 4 when not given, or 0 below a \
                --temperature of 0.7, the least at which commands are drawn anew.
                """))
    var redraws: Int?
    @Option(help: "What the policy computes in: float32, bfloat16 or int8; see `coe sft --help`.")
    var precision = Precision.float32
    @Option(
        help: ArgumentHelp(
            "What the rollouts are played in: float32, bfloat16 or int8.",
            discussion: """
                Float32 in both is exact: the rollouts' log-probabilities are the policy's to 1e-4. bfloat16 and int8 \
                are some three times as fast on a CPU; the difference is corrected (truncated importance sampling).
                """))
    var rolloutPrecision = Precision.float32
    @Option(help: "Tasks with longer programs are left out.") var maxCharacters = 2_000
    @Option(help: "Tokens that go through the model at once in an update; fewer take less memory.")
    var tokensPerPass = 2_048
    @Option(help: "Layers whose activations are held at once; the others are computed twice.")
    var layersPerCheckpoint: Int?
    @Option(help: "The seed.") var seed: UInt64 = 0
    @Option(help: "Steps between two validations.") var validateEvery = 10
    @Option(help: "Validation tasks that are played.") var validationCount = 64
    @Flag(help: "Print the last metrics as one JSON object on standard output.") var json = false
    @OptionGroup(title: "Parts of the preset, to be switched alone") var parts: RecipeOptions

    func validate() throws {
        for (name, value) in [
            ("--steps", steps), ("--groups", groups), ("--max-turns", maxTurns), ("--max-tokens", maxTokens),
            ("--max-characters", maxCharacters), ("--tokens-per-pass", tokensPerPass),
            ("--validate-every", validateEvery), ("--validation-count", validationCount),
            ("--layers-per-checkpoint", layersPerCheckpoint ?? 1), ("--updates", parts.updates ?? 1),
            ("--dynamic-sampling", parts.dynamicSampling ?? 1),
        ] where value < 1 { throw ValidationError("\(name) must be at least 1.") }
        if (parts.group ?? 2) < 2 { throw ValidationError("--group must be at least 2: episodes are compared.") }
        if learningRate <= 0 || temperature <= 0 {
            throw ValidationError("--learning-rate and --temperature must be positive.")
        }
        if let redraws {
            if redraws < 0 { throw ValidationError("--redraws must not be negative.") }
            if redraws > 0 && !constrained { throw ValidationError("--redraws needs --constrained.") }
            if redraws > 0 && temperature < Generator.redrawTemperature {
                throw ValidationError(
                    "--redraws needs a --temperature of at least \(Generator.redrawTemperature), at which commands are "
                        + "drawn anew; --redraws 0 masks their end.")
            }
        }
        for (name, value) in [
            ("--clip-low", parts.clipLow), ("--clip-high", parts.clipHigh), ("--beta", parts.beta),
            ("--imitation", parts.imitation), ("--edit-penalty", parts.editPenalty), ("--progress", parts.progress),
        ] where (value ?? 0) < 0 { throw ValidationError("\(name) must not be negative.") }
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        Interrupt.catchFirst()
        let model = try resolvedModel(model, adapter: adapter)
        guard let adapter = resolvedAdapter(adapter, model: model) else {
            throw UsageError(
                description:
                    "\(model) comes without an adapter: give the one to begin with as --adapter (coe sft makes "
                    + "one).")
        }
        var configuration = RLConfiguration(
            model: model, adapter: adapter, data: data, recipe: parts.applied(to: preset.recipe))
        configuration.validation = validation
        configuration.optimizer.learningRate = learningRate
        configuration.steps = steps
        configuration.groups = groups
        configuration.maxTurns = maxTurns
        configuration.maxTokens = maxTokens
        configuration.temperature = temperature
        configuration.isConstrained = constrained
        configuration.redraws =
            redraws
            ?? (constrained && temperature >= Generator.redrawTemperature ? EpisodeOptions.standardRedraws : 0)
        configuration.precision = precision
        configuration.rolloutPrecision = rolloutPrecision
        configuration.maxCharacters = maxCharacters
        configuration.tokensPerPass = tokensPerPass
        configuration.layersPerCheckpoint = layersPerCheckpoint
        configuration.seed = seed
        configuration.validateEvery = validateEvery
        configuration.validationCount = validationCount
        let path = try modelPath(model)
        let final = configuration
        do {
            let adapter = try await withSandbox { sandbox in
                try await GRPO(
                    final, folder: URL(filePath: out), sandbox: sandbox, group: try ProcessGroup()
                ).run(
                    resume: resume, modelPath: path, shouldStop: { Interrupt.isRequested }, observe: show)
            }
            Terminal.say("The adapter is \(adapter.path(percentEncoded: false)).")
        } catch let error as TrainingError where error.code == .interrupted {
            Terminal.say(error.description)
            throw ExitCode(130)
        }
    }

    @Sendable private func show(_ progress: GRPO.Progress) {
        func number(_ name: String, _ format: String) -> String {
            progress.metrics[name].map { String(format: format, $0) } ?? "-"
        }
        var line = "step \(progress.step)/\(progress.of)"
        if progress.step > 0 {
            line += "  reward \(number("reward", "%.3f"))  solved \(number("solved", "%.3f"))"
            line += "  malformed \(number("malformed", "%.3f"))  entropy \(number("entropy", "%.3f"))"
            line += "  same \(number("frac_reward_zero_std", "%.2f"))  kl \(number("kl", "%.4f"))"
            line += "  \(number("step_time", "%.0f")) s"
        }
        if progress.metrics["eval_solved"] != nil { line += "  validation solved \(number("eval_solved", "%.3f"))" }
        Terminal.say(line)
        for alarm in progress.alarms { Terminal.say("  warning: \(alarm)") }
        if json, progress.step == progress.of { try? Terminal.printJSON(progress.metrics) }
    }
}

enum Preset: String, ExpressibleByArgument, CaseIterable {
    case paper, best

    var recipe: GRPORecipe { self == .paper ? .paper : .best }
}

/// The parts of a recipe that differ from the preset.
struct RecipeOptions: ParsableArguments {
    @Option(help: "Episodes from one start state.") var group: Int?
    @Option(help: "What a turn is compared with: turn, state or group.") var baseline: GRPORecipe.Baseline?
    @Option(help: "What advantages are divided by: group, batch or none.") var deviation: GRPORecipe.Deviation?
    @Option(help: "How tokens are weighed: episode or token.") var loss: GRPORecipe.Loss?
    @Option(help: "The clip below 1.") var clipLow: Double?
    @Option(help: "The clip above 1.") var clipHigh: Double?
    @Option(help: "The weight of the divergence from the first policy.") var beta: Double?
    @Option(help: "Play up to this many times the groups to find some that differ; 1 for none.")
    var dynamicSampling: Int?
    @Flag(inversion: .prefixedNo, help: "Draw start states near a pass rate of one half.")
    var byPassRate: Bool?
    @Option(help: "The weight of imitating the shortest repair where all fail.") var imitation: Double?
    @Option(help: "What a solved episode loses for needless edits, at most.") var editPenalty: Double?
    @Option(help: "What a turn earns for bringing the program closer to its reference, or loses; 0 for none.")
    var progress: Double?
    @Flag(inversion: .prefixedNo, help: "Compare and scale the kinds of rewards apart.")
    var separateRewards: Bool?
    @Option(help: "Steps of the optimiser on one set of episodes.") var updates: Int?
    @Flag(inversion: .prefixedNo, help: "End an episode when its tests pass; else it needs EXIT.")
    var endAtPass: Bool?

    func applied(to preset: GRPORecipe) -> GRPORecipe {
        var recipe = preset
        recipe.groupSize = group ?? recipe.groupSize
        recipe.baseline = baseline ?? recipe.baseline
        recipe.deviation = deviation ?? recipe.deviation
        recipe.loss = loss ?? recipe.loss
        recipe.clipLow = clipLow ?? recipe.clipLow
        recipe.clipHigh = clipHigh ?? recipe.clipHigh
        recipe.beta = beta ?? recipe.beta
        recipe.dynamicSampling = dynamicSampling ?? recipe.dynamicSampling
        recipe.choosesByPassRate = byPassRate ?? recipe.choosesByPassRate
        recipe.imitation = imitation ?? recipe.imitation
        recipe.editPenalty = editPenalty ?? recipe.editPenalty
        recipe.progress = progress ?? recipe.progress
        recipe.separatesRewards = separateRewards ?? recipe.separatesRewards
        recipe.updates = updates ?? recipe.updates
        recipe.endsAtFirstPass = endAtPass ?? recipe.endsAtFirstPass
        return recipe
    }
}
