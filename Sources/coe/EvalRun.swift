import ArgumentParser
import CommandSupport
import Evaluation
import Foundation
import LanguageModels
import Policies
import Runs
import ServeCommands
import StatefulTools
import Tokenization
import Tools

struct EvalRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Plays the episodes (the default: coe eval --set …).",
        discussion: """
            Methods: coe drives the tool; search drives it from state to state, the best first, until a state passes or \
            --budget commands are spent; direct answers with the whole solved state; think reasons in words first; \
            resample gives whole answers until one passes, or until the tokens are spent that a coe run (--budget) used \
            for the same episode; oracle plays the shortest known way, without a model. \
            Whole answers come from the bare model unless --adapter names one.
            Over several machines: run each part with --shard i/n, then coe eval merge.
            """)

    @Option(help: .recipe, completion: .file(extensions: ["yaml", "yml", "json"])) var recipe: String?
    @Option(help: .set, completion: .file()) var set = "starter"
    @Option(help: "coe, search, direct, think, resample or oracle.") var method = EvaluationMethod.coe
    @OptionGroup var player: PlayerOptions
    @Option(help: .samples) var samples = 1
    @Option(help: .temperature) var temperature = 0.0
    @Option(help: "Play N tasks chosen by the seed, the same at every start.") var subset: Int?
    @Option(help: "Play part i of n, written i/n.") var shard: Shard?
    @Option(help: .seed) var seed: UInt64 = 0
    @Option(
        help: """
            How a whole answer is asked for: feedback, rewrite, or fix (HumanEvalFix's). When not given, what suits the \
            model's family: rewrite for Qwen, feedback for others.
            """) var form: AnswerForm?
    @Option(
        help: """
            For search: the most commands of a sample (default: 80). For resample: the folder of the run whose tokens are \
            spent again.
            """, completion: .directory)
    var budget: String?
    @Option(help: .maxTokens) var maxTokens: Int?
    @OptionGroup var episodes: EpisodeOptionsGroup
    @Option(help: .resamples) var resamples: Int?
    @Flag(help: .untilExit) var untilExit = false
    @Option(help: .out, completion: .directory) var out: String
    @Option(help: "Episodes at the same time.") var concurrency = 8
    @OptionGroup var sandbox: SandboxOptions
    @Flag(help: .json) var json = false

    func validate() throws {
        for (name, value) in [
            ("--samples", samples), ("--subset", subset ?? 1), ("--max-tokens", maxTokens ?? 1),
            ("--concurrency", concurrency),
        ] where value < 1 { throw ValidationError("\(name) must be at least 1.") }
        if (resamples ?? 0) < 0 { throw ValidationError("--resamples must not be negative.") }
        if !(temperature >= 0) { throw ValidationError("--temperature must not be negative.") }
        if method == .search {
            guard (1...1_000_000).contains(Int(budget ?? "80") ?? 0) else {
                throw ValidationError("--method search takes a number of commands as its --budget, 1 or more.")
            }
        } else if (method == .resample) != (budget != nil) {
            throw ValidationError("--method resample and --budget RUN belong together.")
        }
        if method == .resample && temperature == 0 {
            throw ValidationError("--method resample needs a --temperature above 0, else every answer is the same.")
        }
        if form != nil && !method.givesWholeAnswers {
            throw ValidationError("--form is for direct, think and resample.")
        }
    }

    /// The player: none is loaded for the oracle.
    private func load(
        for tasks: [any Tool]
    ) async throws -> (policy: any Policy, adapter: String?, prompt: PromptStyle) {
        if method == .oracle { return (ScriptedPolicy(name: "oracle", completions: []), nil, .examples) }
        // The adapters that come with models know commands alone.
        var player = player
        if method.givesWholeAnswers { player.model.adapter = player.model.adapter ?? "none" }
        return try await player.player(for: tasks.toolNames)
    }

    /// What the options say, as the run folder records it.
    func settings(
        _ tasks: [any Tool], policy: any Policy, adapter: String?, prompt: PromptStyle
    ) -> EvaluationConfiguration {
        var settings = EvaluationConfiguration(
            set: set, method: method, model: policy.name, options: episodes.options(of: tasks, prompt: prompt))
        settings.adapter = adapter
        settings.samples = samples
        settings.temperature = temperature
        settings.subset = subset
        settings.shard = shard
        settings.seed = seed
        settings.options.endsAtFirstPass = !untilExit
        settings.options.resamples = episodes.unconstrained ? 0 : resamples ?? settings.options.resamples
        if method.givesWholeAnswers { settings.answerForm = form ?? .standard(for: policy) }
        settings.budgetRun = method == .resample ? budget : nil
        if method == .search { settings.commands = budget.flatMap { Int($0) } ?? settings.commands }
        settings.maxTokens = maxTokens ?? settings.maxTokens
        return settings
    }

    /// The digests of the files that decide the episodes.
    private func inputs(_ tasks: [any Tool], adapter: String?) throws -> [String] {
        // Of `FILE:SPLIT` the file.
        var paths = [set, set.split(separator: ":").dropLast().joined(separator: ":")]
        if let adapter { paths.append(adapter) }
        if let budget, method == .resample { paths.append(budget + "/" + TraceFile.name) }
        if let policy = player.policy {
            if policy.hasPrefix("script:") { paths.append(String(policy.dropFirst("script:".count))) }
        } else if method != .oracle {
            paths.append(try player.model.choice(for: tasks.toolNames).path)
        }
        return try InputDigest.lines(paths.filter { !$0.isEmpty })
    }

    func run() async throws {
        try await player.prepare()
        Interrupt.catchFirst()
        let tasks = try Toolbox.standard.load(set, split: .test)
        if tasks.isEmpty { throw UsageError("\(set) holds no tasks.") }
        let budget = try (method == .resample ? budget : nil).map { folder in
            TokenBudget(try EvaluationRun(folder: URL(filePath: folder), tools: .standard).traces)
        }
        let lines = EpisodeLines()
        defer { lines.end() }
        do {
            let summary = try await withSandbox(sandbox.configuration) { sandbox in
                let (policy, adapter, prompt) = try await load(for: tasks)
                var settings = settings(tasks, policy: policy, adapter: adapter, prompt: prompt)
                settings.inputs = try inputs(tasks, adapter: adapter)
                var evaluation = Evaluation(
                    settings, policy: policy, sandbox: sandbox, concurrency: concurrency, budget: budget)
                evaluation.announce = { Terminal.say($0) }
                let summary = try await evaluation.run(
                    tasks, folder: URL(filePath: out), shouldStop: { Interrupt.isRequested }, observe: lines.show)
                if let tokenizer = (policy as? LocalPolicy)?.generator.tokenizer {
                    try TokenTexts.save(in: URL(filePath: out)) { tokenizer.decode([$0]) }
                }
                return summary
            }
            lines.end()
            summary.show(json: json)
            if json { try Terminal.printJSON(summary.json) }
        } catch let error as EvaluationError where error.code == .interrupted {
            throw Interruption(error.description)
        }
    }
}

extension AnswerForm {
    /// What suits a model's family; measured for SmolLM2 and Qwen2.5. Qwen2.5 gives the faulty program back when asked
    /// with `feedback` (LOG.md).
    fileprivate static func standard(for policy: any Policy) -> AnswerForm {
        (policy as? LocalPolicy).flatMap { AnswerForm(rawValue: $0.generator.model.configuration.family.answerForm) }
            ?? .feedback
    }
}
