import Demonstrations
import Episodes
public import Foundation
public import LanguageModels
import LineEditor
import Policies
public import PythonSandbox
import RepairTasks
public import Tensors
import Tokenization

/// Reinforcement learning of a LoRA adapter from the environment's own verdicts: group relative policy optimisation
/// (Shao et al., arXiv 2402.03300) over episodes of many turns.
///
/// A step plays groups of episodes from the same start states with the weights as they are, compares what their turns
/// earned, and moves the weights towards the commands that earned more. The loss stands on command tokens only. The
/// episodes of a step depend on the seed and the weights alone, so that a run that was stopped goes on exactly.
public struct GRPO: Sendable {
    public private(set) var configuration: RLConfiguration
    public let folder: RunFolder
    let sandbox: PythonSandbox
    let thread: ComputeThread
    private let together: DataParallel
    private var recipe: GRPORecipe { configuration.recipe }

    /// - Parameter group: the processes that train together, each on `groups` start states a step; nil for one alone.
    public init(
        _ configuration: RLConfiguration, folder: URL, sandbox: PythonSandbox, group: ProcessGroup? = nil,
        thread: ComputeThread = ComputeThread()
    ) {
        precondition(
            !configuration.isConstrained || configuration.redraws == 0
                || configuration.temperature >= Generator.redrawTemperature)
        together = DataParallel(group: group)
        self.configuration = configuration
        self.configuration.processes = together.size
        self.folder = RunFolder(folder)
        self.sandbox = sandbox
        self.thread = thread
    }

    /// What ``run(resume:modelPath:shouldStop:observe:)`` tells of each step.
    public struct Progress: Sendable {
        public var step: Int
        public var of: Int
        /// By the names of TRL: `reward`, `reward_std`, `frac_reward_zero_std`, `entropy`, `kl`, `loss`, …
        public var metrics: [String: Double]
        /// What looks wrong, as sentences.
        public var alarms: [String]
    }

    /// Trains, or goes on with training.
    ///
    /// - Parameters:
    ///   - resume: go on from the folder's last checkpoint; a folder that holds a run is refused otherwise.
    ///   - modelPath: where the model lies.
    ///   - shouldStop: asked after each step; when true, a checkpoint is saved and `interrupted` thrown.
    /// - Returns: the folder of the finished adapter.
    public func run(
        resume: Bool, modelPath: String, shouldStop: @escaping @Sendable () -> Bool = { false },
        observe: @escaping @Sendable (Progress) -> Void = { _ in }
    ) async throws -> URL {
        let tasks = try load(configuration.data)
        let validation = try configuration.validation.map { try load([$0]).prefix(configuration.validationCount) } ?? []
        let tokenizer = try Tokenizer(modelPath: modelPath)
        let prompt = try AdapterCard.read(fromAdapter: configuration.adapter)?.prompt ?? Prompt(workedExamples: false)
        let chat = try ChatEncoder(tokenizer, for: prompt)
        let card = AdapterCard(prompt: prompt, model: configuration.model)
        if together.leads { try folder.check(configuration, resume: resume, mayDiffer: ["steps"]) }

        let start = try folder.latest()
        var state = try start.map { try Trainer.state(in: $0.url) } ?? RLState()
        if state.step > configuration.steps {
            throw TrainingError(
                .foreignFolder,
                "\(folder.path) has done \(state.step) steps already; --steps \(configuration.steps) asks for fewer.")
        }
        let learner = try await thread.run {
            try Learner(
                configuration, modelPath: modelPath, checkpoint: start?.url, tokenizer: tokenizer, chat: chat,
                together: together)
        }
        let trainer = learner.trainer
        let imitated = try Imitation(recipe, prompt: prompt, sandbox: sandbox, chat: chat)
        if together.leads {
            try folder.open(configuration)
            try folder.truncateMetrics(after: state.step)
        }
        let metricsWriter = together.leads ? try MetricsWriter(folder) : nil

        /// Plays with the weights as they are.
        func rollouts(temperature: Double, redraws: Int) async throws -> Rollouts {
            let generator = try await thread.run {
                let merged = try trainer.model.merged(
                    with: trainer.weights.adapter, precision: configuration.rolloutPrecision)
                return Generator(model: merged, tokenizer: tokenizer, thread: thread)
            }
            return Rollouts(
                policy: LocalPolicy(name: configuration.model, generator: generator, chat: chat), sandbox: sandbox,
                options: EpisodeOptions(
                    maxTurns: configuration.maxTurns, endsAtFirstPass: recipe.endsAtFirstPass,
                    isConstrained: configuration.isConstrained, redraws: redraws, prompt: prompt,
                    rewards: recipe.rewards),
                maxTokens: configuration.maxTokens, temperature: temperature)
        }

        /// The share of the validation tasks that greedy episodes solve.
        func validate() async throws -> Double? {
            if validation.isEmpty { return nil }
            let starts = validation.map { Rollouts.Start(task: $0, sample: 0, seed: 0) }
            let played = try await rollouts(temperature: 0, redraws: EpisodeOptions.standardRedraws).play(starts)
            return Double(played.count { $0.trace.solved }) / Double(played.count)
        }

        func save() async throws {
            let state = state
            try await thread.run {
                try folder.save(step: state.step) { try trainer.save(to: $0, card: card, state: state) }
            }
        }

        if let metricsWriter, state.step == 0, let solved = try await validate() {
            state.bestScore = solved
            try await thread.run { try folder.save(.best, step: 0) { try trainer.saveAdapter(to: $0, card: card) } }
            try metricsWriter.append(["eval_solved": solved], step: 0)
            observe(Progress(step: 0, of: configuration.steps, metrics: ["eval_solved": solved], alarms: []))
        }

        while state.step < configuration.steps {
            let step = state.step + 1
            let clock = ContinuousClock()
            let begin = clock.now

            // Episodes
            let player = try await rollouts(
                temperature: configuration.temperature, redraws: configuration.redraws)
            let groups = try await sample(tasks, step: step, player, &state)
            let sampled = clock.now

            // What is learned from them
            let kept = groups.kept.map(\.rewarded)
            let scores = try await thread.run { try advantages(kept, recipe, sums: together.sum) }
            var experiences = zip(groups.kept, scores).map { group, scores in
                zip(group.rollouts, scores).map { Experience($0, advantages: $1, tokenizer: tokenizer) }
            }
            if let imitated {
                for group in groups.failed {
                    if let experience = try await imitated.experience(group.task) { experiences.append([experience]) }
                }
            }
            let batch = experiences
            let rate = configuration.optimizer.learningRate * min(1, Double(step) / Double(configuration.warmupSteps))
            let update = try await thread.run { try learner.update(batch, step: step, learningRate: rate) }
            guard update.isFinite else { throw try folder.diverged(step) }
            let seconds = (clock.now - begin) / .seconds(1)

            let played = groups.all.flatMap(\.rollouts)
            let read = played.reduce(0) { $0 + $1.trace.sequence.tokenIDs.count }
            let counts = try await thread.run { try together.sum([Double(played.count), Double(read)]) }
            state.step = step
            state.episodes += Int(counts[0])
            state.tokens += Int(counts[1])
            state.seconds += seconds
            var metrics = groups.metrics(maxTurns: configuration.maxTurns).merging(update.metrics) { $1 }
            metrics["learning_rate"] = rate
            metrics["num_tokens"] = Double(state.tokens)
            metrics["episodes"] = Double(state.episodes)
            metrics["step_time"] = seconds
            metrics["rollout_time"] = (sampled - begin) / .seconds(1)

            let isLast = step == configuration.steps
            let stops = try await thread.run { try together.any(shouldStop()) } && !isLast
            guard let metricsWriter else {
                if stops { throw TrainingError.interrupted(after: step, of: configuration.steps) }
                continue
            }
            let validates = isLast || step % configuration.validateEvery == 0
            if validates, let solved = try await validate() {
                metrics["eval_solved"] = solved
                if solved > state.bestScore ?? -.infinity {
                    state.bestScore = solved
                    try await thread.run {
                        try folder.save(.best, step: step) { try trainer.saveAdapter(to: $0, card: card) }
                    }
                }
            }
            try metricsWriter.append(metrics, step: step)
            try folder.append(groups.all.first?.rollouts.map(\.trace) ?? [], step: step)
            observe(Progress(step: step, of: configuration.steps, metrics: metrics, alarms: alarms(metrics)))
            if validates || stops { try await save() }
            if stops { throw TrainingError.interrupted(after: step, of: configuration.steps) }
        }
        guard together.leads else { return folder.adapter }
        return try await thread.run { try folder.finish(card) }
    }

    private func load(_ files: [String]) throws -> [RepairTask] {
        let tasks = try files.flatMap { try TaskSet.load($0) }.filter {
            $0.program.count <= configuration.maxCharacters
        }
        guard !tasks.isEmpty else {
            throw TrainingError(
                .badData,
                "\(files.joined(separator: ", ")): no tasks whose programs have at most "
                    + "\(configuration.maxCharacters) characters.")
        }
        return tasks
    }

    // MARK: Episodes

    /// The episodes of one start state.
    struct Group: Sendable {
        var task: RepairTask
        var rollouts: [Rollouts.Rollout]
        var rewarded: [RewardedEpisode]

        var hasVariance: Bool { Set(rewarded.map(\.total)).count > 1 }
        var solvedCount: Int { rollouts.count { $0.trace.solved } }
    }

    /// The groups of one step.
    struct Groups: Sendable {
        var all: [Group] = []
        /// Those that are learned from.
        var kept: [Group] = []
        /// Those in which nothing was solved.
        var failed: [Group] { all.filter { $0.solvedCount == 0 } }
    }

    /// Plays groups until enough of them differ in what their episodes earned, where the recipe wants that.
    private func sample(
        _ tasks: [RepairTask], step: Int, _ player: Rollouts, _ state: inout RLState
    ) async throws -> Groups {
        var groups = Groups()
        for round in 0..<recipe.dynamicSampling {
            // All processes draw the same start states and play their own.
            let missing = configuration.groups - groups.kept.count
            let wanted = try await counts(missing)
            let total = wanted.reduce(0, +)
            if total == 0 { break }
            var random = SeededGenerator(seed: configuration.seed, stream: UInt64(step * 64 + round))
            let drawn = state.choose(total, of: tasks, byPassRate: recipe.choosesByPassRate, &random)
            let starts = drawn.map { task in
                (0..<recipe.groupSize).map { Rollouts.Start(task: task, sample: $0, seed: random.next()) }
            }
            // Fewer are drawn than wanted where there are no more.
            let first = min(drawn.count, wanted[..<together.rank].reduce(0, +))
            let own = first..<min(drawn.count, first + missing)
            let played = try await player.play(starts[own].flatMap { $0 })
            var results = [Double](repeating: 0, count: 2 * drawn.count)
            for (index, place) in own.enumerated() {
                // An episode that the sandbox could not finish teaches nothing.
                let rollouts = played[index * recipe.groupSize..<(index + 1) * recipe.groupSize].filter {
                    $0.trace.exit != .broken && $0.trace.exit != .unusableTests && !$0.trace.turns.isEmpty
                }
                if rollouts.isEmpty { continue }
                let task = drawn[place]
                let group = Group(
                    task: task, rollouts: rollouts,
                    rewarded: rollouts.map { RewardedEpisode($0.trace, reference: task.reference, recipe: recipe) })
                results[2 * place] = Double(group.solvedCount)
                results[2 * place + 1] = Double(rollouts.count)
                groups.all.append(group)
                if group.hasVariance || recipe.dynamicSampling == 1 { groups.kept.append(group) }
            }
            let known = results
            let all = try await thread.run { try together.sum(known) }
            for (place, task) in drawn.enumerated() where all[2 * place + 1] > 0 {
                state.tallies[task.id, default: RLState.Tally()].add(all[2 * place], of: all[2 * place + 1])
            }
        }
        if groups.all.isEmpty {
            throw TrainingError(
                .badData, "No episode of step \(step) could be played; the sandbox or the tasks' tests are broken.")
        }
        return groups
    }

    /// What each process says.
    private func counts(_ own: Int) async throws -> [Int] {
        var values = [Double](repeating: 0, count: together.size)
        values[together.rank] = Double(own)
        let known = values
        return try await thread.run { try together.sum(known) }.map { Int($0) }
    }

    /// What makes a run worth looking at before it goes on.
    private func alarms(_ metrics: [String: Double]) -> [String] {
        func value(_ name: String) -> Double { metrics[name] ?? 0 }
        var alarms: [String] = []
        if value("frac_reward_zero_std") > 0.9 {
            alarms.append("Nearly all groups earned the same: easier start states or more episodes a group help.")
        }
        if value("entropy") < 0.02 { alarms.append("The policy hardly varies any more (entropy).") }
        if value("malformed") > 0.5 { alarms.append("More than half of the commands can't be read.") }
        if value("kl") > 1 { alarms.append("The policy is far from where it began (kl); a lower learning rate helps.") }
        if value("clip_ratio/low_mean") + value("clip_ratio/high_mean") > 0.3 {
            alarms.append("A third of the tokens are clipped; fewer updates a step or a lower learning rate help.")
        }
        return alarms
    }
}

/// How far a run is, beside its weights.
struct RLState: Hashable, Sendable, Codable {
    /// How often a task was solved.
    struct Tally: Hashable, Sendable, Codable {
        var solved = 0.0
        var played = 0.0

        /// Older episodes count less: the policy that played them is gone.
        mutating func add(_ solved: Double, of played: Double) {
            self.solved = self.solved / 2 + solved
            self.played = self.played / 2 + played
        }

        var rate: Double { (solved + 0.5) / (played + 1) }
    }

    var step = 0
    var episodes = 0
    var tokens = 0
    var seconds = 0.0
    var bestScore: Double?
    var tallies: [String: Tally] = [:]
    /// How many tasks were chosen in turn.
    var position = 0

    /// The start states of the next groups: each in turn, or drawn with a weight that is greatest at a pass rate of one
    /// half. What was never played counts as such.
    mutating func choose(
        _ count: Int, of tasks: [RepairTask], byPassRate: Bool, _ random: inout SeededGenerator
    ) -> [RepairTask] {
        guard byPassRate else {
            return (0..<count).map { _ in
                defer { position += 1 }
                // The files' order is not random; a stride that shares no factor with their number visits each once.
                let stride = stride(for: tasks.count)
                return tasks[position % tasks.count * stride % tasks.count]
            }
        }
        // Weighted without replacement: the greatest of u^(1/w) (Efraimidis and Spirakis, 2006).
        let keys = tasks.map { task in
            let rate = tallies[task.id]?.rate ?? 0.5
            return pow(random.unit(), 1 / (0.02 + rate * (1 - rate)))
        }
        return keys.indices.sorted { keys[$0] > keys[$1] }.prefix(count).map { tasks[$0] }
    }

    private func stride(for count: Int) -> Int {
        func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
        return (max(1, count * 5 / 8)...count).first { divisor($0, count) == 1 } ?? 1
    }
}

extension SeededGenerator {
    /// A number above 0, up to 1.
    fileprivate mutating func unit() -> Double { (Double(next() >> 11) + 1) * 0x1p-53 }
}

extension SandboxReport {
    /// Whether the visible and the hidden tests pass.
    var isSolved: Bool { passed && hiddenPassed }
}
