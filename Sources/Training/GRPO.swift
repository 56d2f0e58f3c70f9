public import Foundation
public import LanguageModels
import Policies
public import PythonSandbox
public import Runs
public import StatefulTools
public import Tensors

/// Reinforcement learning of a LoRA adapter from a tool's own verdicts: group relative policy optimisation (Shao et al.,
/// arXiv 2402.03300) over episodes of many turns.
///
/// A step plays groups of episodes from the same start states with the weights as they are, compares what their turns
/// earned, and moves the weights towards the commands that earned more. The loss is on command tokens only. The seed and
/// the weights alone decide the episodes of a step, so a run that was stopped goes on exactly.
///
/// Where this differs from the paper (Rainone et al., arXiv 2507.05065):
/// - In both presets of ``GRPORecipe``:
///   - Any tool and any tasks; the paper starts from failures that Llama-3.1-8B wrote for MBPP tasks.
///   - Rollouts are held to commands that the state can take and that were not tried in it
///     (``RLConfiguration/isConstrained``), and trained under the same mask. A token without an alternative is not learned.
///   - Hidden tests decide the reward where there are any.
///   - The normalised rewards of later turns are added to those of earlier turns (process supervision of GRPO's own paper;
///     2507.05065 does not say).
///   - The ratio's denominator is the trainer's own log-probability. Rollouts in another precision are corrected by
///     truncated importance sampling.
///   - The divergence is Schulman's k3, from the adapter that training began with.
///   - AdamW at 2e-5, two warm-up steps, gradients clipped to a norm of 1; the paper does not say.
/// - In `best` also:
///   - Groups of 8, and 4 start states a step by default.
///   - A turn is compared with turns that began in the same state (GiGPO, 2505.10978), and divided by the deviation over the
///     step (Lite PPO, 2508.08221), each kind of reward apart (GDPO, 2601.05242).
///   - The losses of all tokens are added and divided by a constant, with a clip of 0.2 below and 0.28 above; groups whose
///     episodes all earned the same are replaced (DAPO, 2503.14476). There is no divergence.
///   - Start states near a pass rate of one half come first (2605.05112), and where a whole group fails, the shortest
///     solution is imitated (DGPO, 2508.20324).
///   - Rewards for coming closer to the solution (Ng et al., 1999), and a penalty for needless changes in solved episodes
///     (PRepair, 2604.05963). A command that the state can't take costs 0.5.
///   - An episode ends when its state passes, and costs nothing where it lacks EXIT.
public struct GRPO: Sendable {
    public private(set) var configuration: RLConfiguration
    public let folder: RunFolder
    /// How tokens with advantages become a loss; nil for the recipe's ``ClippedSurrogate``.
    public var loss: (any PolicyLoss)?
    private let toolbox: Toolbox
    let sandbox: PythonSandbox
    let thread: ComputeThread
    let together: DataParallel
    var recipe: GRPORecipe { configuration.recipe }
    /// Steps in which the learning rate rises; it stays then.
    private static let warmupSteps = 2.0

    /// - Parameters:
    ///   - toolbox: the tools that the tasks may be of.
    ///   - group: the processes that train together, each on `starts` start states a step; nil for one alone.
    public init(
        _ configuration: RLConfiguration, folder: URL, toolbox: Toolbox, sandbox: PythonSandbox,
        group: ProcessGroup? = nil, thread: ComputeThread = ComputeThread()
    ) {
        precondition(
            !configuration.isConstrained || configuration.resamples == 0
                || configuration.temperature >= Generator.resampleTemperature)
        together = DataParallel(group: group)
        self.configuration = configuration
        self.configuration.processes = together.size
        self.folder = RunFolder(folder)
        self.toolbox = toolbox
        self.sandbox = sandbox
        self.thread = thread
    }

    /// Trains, or goes on with training.
    ///
    /// - Parameters:
    ///   - resume: go on from the folder's last checkpoint; a folder that holds a run is refused otherwise.
    ///   - modelPath: where the model lies.
    ///   - shouldStop: asked after each step; when true, a checkpoint is saved and `interrupted` thrown.
    /// - Returns: the folder of the finished adapter.
    /// - Throws: ``TrainingError``, and ``Runs/RunError`` where the folder can't be used.
    public func run(
        resume: Bool, modelPath: String, shouldStop: @escaping @Sendable () -> Bool = { false },
        observe: @escaping @Sendable (TrainingProgress) -> Void = { _ in }
    ) async throws -> URL {
        let configuration = try withInputs(modelPath)
        let tasks = try load(configuration.data, .train)
        let held = try configuration.validation.map { try load([$0], .validation) } ?? []
        let prompt = try AdapterCard.read(fromAdapter: configuration.adapter)?.prompt ?? .compact
        let tools = Set(tasks.map { type(of: $0).name }).sorted()
        let card = AdapterCard(prompt: prompt, model: configuration.model, tools: tools)
        var run = try TrainingRun(
            configuration, steps: configuration.steps, in: folder, resume: resume, together: together, thread: thread,
            shouldStop: shouldStop, observe: observe)
        let checkpoint = run.checkpoint
        let learner = try await thread.run {
            try Learner(
                configuration, modelPath: modelPath, checkpoint: checkpoint, prompt: prompt, loss: loss,
                together: together)
        }

        return try await run.train(learner.trainer, card, validatesFirst: true) {
            try await validate(held.prefix(configuration.validationCount), learner, prompt)
        } step: { step, state in
            // Play with the weights as they are.
            let begin = ContinuousClock.now
            let player = try await player(
                of: learner, prompt, temperature: configuration.temperature, resamples: configuration.resamples)
            let groups = try await sample(tasks, step: step, player, &state.starts)
            let rolloutSeconds = (ContinuousClock.now - begin) / .seconds(1)

            // Compare what the turns earned, and learn.
            let batch = try await experiences(groups, learner, prompt)
            let rate = configuration.optimizer.learningRate * min(1, Double(step) / Self.warmupSteps)
            let update = try await thread.run { try learner.update(batch, step: step, learningRate: rate) }
            guard update.isFinite else { throw try TrainingError.diverged(step, in: folder) }

            // Count.
            let played = groups.all.flatMap(\.rollouts)
            let read = played.reduce(0) { $0 + $1.trace.sequence.tokenIDs.count }
            let counts = try await sum([Double(played.count), Double(read)])
            state.episodes += Int(counts[0])
            state.tokens += Int(counts[1])
            var metrics = groups.metrics(turns: configuration.turns).merging(update.metrics) { $1 }
            metrics["learning_rate"] = rate
            metrics["num_tokens"] = Double(state.tokens)
            metrics["episodes"] = Double(state.episodes)
            metrics["rollout_time"] = rolloutSeconds
            return TrainingRun.Outcome(metrics: metrics, traces: recorded(groups, step: step))
        }
    }

    /// The configuration with the digests of the files that the run reads.
    private func withInputs(_ modelPath: String) throws -> RLConfiguration {
        var configuration = configuration
        guard together.leads else { return configuration }
        configuration.inputs = try InputDigest.lines(
            configuration.data + [modelPath, configuration.adapter] + [configuration.validation].compactMap { $0 })
        return configuration
    }

    private func load(_ sets: [String], _ split: TaskSplit) throws -> [any Tool] {
        let tasks = try sets.flatMap { try toolbox.load($0, split: split) }
            .filter { $0.state.count <= configuration.maxCharacters }
        guard !tasks.isEmpty else {
            throw TrainingError(
                .badData,
                "\(sets.joined(separator: ", ")): no tasks whose start states have at most "
                    + "\(configuration.maxCharacters) characters.")
        }
        return tasks
    }

    /// What the policy learns from: the kept groups with their advantages, and an imitation for each group that failed.
    private func experiences(
        _ groups: RolloutGroups, _ learner: Learner, _ prompt: PromptStyle
    ) async throws -> [[Experience]] {
        let rewarded = groups.kept.map(\.rewarded)
        let scores = try await thread.run { try advantages(rewarded, recipe, sums: together.sum) }
        var experiences = zip(groups.kept, scores).map { group, scores in
            zip(group.rollouts, scores).map { Experience($0, advantages: $1, tokenizer: learner.tokenizer) }
        }
        if recipe.imitation > 0 {
            let imitation = Imitation(prompt: prompt, sandbox: sandbox, chat: learner.chat)
            for group in groups.failed {
                if let experience = try await imitation.experience(group.start) { experiences.append([experience]) }
            }
        }
        return experiences
    }

    /// The episodes of the first group, whose samples are numbered by the step too.
    private func recorded(_ groups: RolloutGroups, step: Int) -> [Trace] {
        (groups.all.first?.rollouts ?? []).map { rollout in
            var trace = rollout.trace
            trace.sample += step * 1_000
            return trace
        }
    }
}
