import ArgumentParser
import Episodes
import Evaluation
import Foundation
import LanguageModels
import Policies
import PythonSandbox
import RepairTasks
import Tokenization

struct Eval: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures pass@k of a model on a set of faulty programs.",
        discussion: """
            Example: coe eval --set tasks.jsonl.gz --method coe --samples 4 --temperature 0.7 --out runs/first
            The same command goes on where an earlier one stopped, and plays again what broke. All options: coe eval run \
            --help
            """,
        subcommands: [EvalRun.self, EvalMerge.self, EvalVerify.self], defaultSubcommand: EvalRun.self)
}

struct EvalRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Plays the episodes (the default: coe eval --set …).",
        discussion: """
            Methods: coe drives the line editor; direct answers with the whole program; think reasons in words first; \
            resample draws whole programs until the tokens that a coe run (--budget) used for the same episode are \
            spent; oracle plays the fewest edits to the reference, without a model.
            Over several machines: run each part with --shard i/n, then coe eval merge.
            """)

    @Option(help: "A file of tasks, one JSON object a line, plain or .gz; or a data set as its publisher has it.")
    var set: String
    @Option(help: "coe, direct, think, resample or oracle.") var method = EvaluationMethod.coe
    @Option(help: "A known model's name or a model file.") var model: String?
    @Option(help: "An adapter folder (PEFT).") var adapter: String?
    @Option(help: "What the model computes in; int8 on a CPU and bfloat16 on a GPU when not given.")
    var precision: Precision?
    @Option(help: "openai:URL#MODEL asks a server, script:FILE replays commands, instead of a model here.")
    var policy: String?
    @Option(help: "Episodes a task.") var samples = 1
    @Option(help: "0 takes the likeliest token.") var temperature = 0.0
    @Option(help: "Play only the first N tasks.") var limit: Int?
    @Option(help: "Play N tasks drawn by the seed, the same at every start.") var sample: Int?
    @Option(help: "Play part i of n, written i/n.") var shard: Shard?
    @Option(help: "The seed of the run.") var seed: UInt64 = 0
    @Option(
        help: """
            How whole programs are asked for: feedback, rewrite, or fix (HumanEvalFix's). When not given, what suits the \
            model's family: rewrite for Qwen, feedback for others.
            """) var form: AnswerForm?
    @Option(help: "For resample: the folder of the run whose tokens are spent again.") var budget: String?
    @Option(help: "The most tokens of one answer (128 for commands, 768 for programs, 1536 for think).")
    var maxTokens: Int?
    @Option(help: "Turns of an episode.") var turns = 10
    @Option(help: "The run folder.") var out: String
    @Option(help: "Episodes at the same time.") var concurrency = 8
    @OptionGroup var sandbox: SandboxOptions
    @Flag(help: "Hold the model to commands that the program can take.") var constrained = false
    @Option(
        help: """
            With --constrained: how often a command that was tried before or changes nothing is drawn anew, at temperature \
            0.7 at least, before its end is masked.
            """) var redraws = EpisodeOptions.standardRedraws
    @Flag(help: "Go on after the tests pass, until the model says EXIT, as in the paper.") var untilExit = false
    @Flag(help: "Print the figures as one JSON object on standard output.") var json = false

    func validate() throws {
        if samples < 1 { throw ValidationError("--samples must be at least 1.") }
        if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
        if let sample, sample < 1 { throw ValidationError("--sample must be at least 1.") }
        if let maxTokens, maxTokens < 1 { throw ValidationError("--max-tokens must be at least 1.") }
        if turns < 1 { throw ValidationError("--turns must be at least 1.") }
        if redraws < 0 { throw ValidationError("--redraws must not be negative.") }
        if concurrency < 1 { throw ValidationError("--concurrency must be at least 1.") }
        if !(temperature >= 0) { throw ValidationError("--temperature must not be negative.") }
        if (method == .resample) != (budget != nil) {
            throw ValidationError("--method resample and --budget RUN belong together.")
        }
        if method == .resample && temperature == 0 {
            throw ValidationError("--method resample needs a --temperature above 0, else every draw is the same.")
        }
        if form != nil && !method.answersWithPrograms {
            throw ValidationError("--form is for direct, think and resample.")
        }
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        Interrupt.catchFirst()
        let tasks = try TaskSet.load(set)
        if tasks.isEmpty { throw UsageError(description: "\(set) holds no tasks.") }
        let budget = try budget.map { TokenBudget(try EvaluationRun(folder: URL(filePath: $0)).traces) }
        do {
            let summary = try await withSandbox(sandbox.configuration) { sandbox in
                let policy: any Policy =
                    method == .oracle
                    ? ScriptedPolicy(name: "oracle", commands: [])
                    : try await loadPolicy(
                        model: model, adapter: adapter, precision: precision, policy: policy)
                let configuration = EvaluationConfiguration(
                    set: URL(filePath: set).lastPathComponent, method: method, model: policy.name, adapter: adapter,
                    samples: samples, temperature: temperature, limit: limit, subset: sample, shard: shard, seed: seed,
                    options: EpisodeOptions(
                        maxTurns: turns, endsAtFirstPass: !untilExit, isConstrained: constrained,
                        redraws: constrained ? redraws : 0,
                        prompt: try prompt(forAdapter: adapter)),
                    answerForm: form ?? .standard(for: policy),
                    budgetRun: self.budget.map { URL(filePath: $0).lastPathComponent },
                    maxTokens: maxTokens)
                let summary = try await Evaluation(
                    configuration, policy: policy, sandbox: sandbox, concurrency: concurrency, budget: budget
                ).run(tasks, folder: URL(filePath: out), shouldStop: { Interrupt.isRequested }) { trace, done, total in
                    let verdict = trace.solved ? Terminal.paint("solved", .green) : "not solved"
                    let reason = trace.exit == .broken ? ": \(trace.error ?? "")" : ""
                    Terminal.say(
                        "\(done)/\(total) \(trace.task) #\(trace.sample) \(verdict) (\(trace.exit.rawValue)\(reason))")
                }
                if let tokenizer = (policy as? LocalPolicy)?.generator.tokenizer {
                    try TokenTexts.save(in: URL(filePath: out)) { tokenizer.decode([$0]) }
                }
                return summary
            }
            summary.say()
            if json { try Terminal.printJSON(summary.json) }
        } catch let error as EvaluationError where error.code == .interrupted {
            Terminal.say(error.description)
            throw ExitCode(130)
        }
    }
}

extension AnswerForm {
    /// What suits a model's family; measured for SmolLM2 and Qwen2.5, which gives the faulty program back when asked with
    /// `feedback` (LOG.md).
    fileprivate static func standard(for policy: any Policy) -> AnswerForm {
        switch (policy as? LocalPolicy)?.generator.model.configuration.family {
        case .qwen2, .qwen3: .rewrite
        case .llama, .gemma3, nil: .feedback
        }
    }
}

extension EvaluationSummary {
    /// The figures for people.
    func say() {
        func percent(_ value: Double) -> String { String(format: "%.1f", 100 * value) }
        for (index, pass) in pass.enumerated() {
            Terminal.say(
                "pass@\(index + 1) \(percent(pass.mean)) % (95 %: \(percent(pass.low)) to \(percent(pass.high)))")
        }
        Terminal.say("\(solved) of \(episodes) episodes solved, \(solvedTasks) of \(tasks) tasks at least once")
        if let tokensPerSolve, let secondsPerSolve {
            Terminal.say(
                String(format: "%.0f tokens and %.1f s for each solved episode", tokensPerSolve, secondsPerSolve))
        }
        if !configuration.method.answersWithPrograms {
            Terminal.say(
                "turns: \(percent(malformedShare)) % malformed, \(percent(failedCommandShare - malformedShare)) % could "
                    + "not be carried out, \(percent(loopShare)) % loops; EXIT ends \(percent(exitShare)) % of the "
                    + "episodes, \(percent(prematureExitShare)) % too early")
        }
        if let overEditedShare, let excessDistance {
            Terminal.say(
                "of the solved, \(percent(overEditedShare)) % touch more lines than needed; "
                    + String(format: "%.1f", excessDistance) + " characters beyond the nearest passing program")
        }
        if let hiddenFailureShare {
            Terminal.say("\(percent(hiddenFailureShare)) % of what passes the visible tests fails the hidden ones")
        }
        let broken = exits["broken", default: 0] + exits["unusableTests", default: 0]
        if broken > 0 { Terminal.say("\(broken) episodes broke; coe trace names the reasons") }
    }
}
