import Demonstrations
import Episodes
public import Foundation
public import LanguageModels
import Policies
public import PythonSandbox
public import Tensors
import Tokenization

/// Supervised fine-tuning of a LoRA adapter on demonstrations.
///
/// Loss on command tokens only (the mean over those of a step), on all linear layers, with demonstrations side by side
/// in a pass and no attention between them. A run can be stopped anywhere and goes on exactly as it would have: the
/// seed and the step decide the data and the dropout, a checkpoint holds the weights and the optimiser.
public struct SFT: Sendable {
    public private(set) var configuration: SFTConfiguration
    public let folder: RunFolder
    /// Plays validation episodes; none are played without it.
    public var sandbox: PythonSandbox?
    let thread: ComputeThread
    private let together: DataParallel

    /// - Parameter group: the processes that train together, each on `batch` demonstrations a step; nil for one alone.
    public init(
        _ configuration: SFTConfiguration, folder: URL, sandbox: PythonSandbox? = nil, group: ProcessGroup? = nil,
        thread: ComputeThread = ComputeThread()
    ) {
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
        /// By the names of TRL: `loss`, `grad_norm`, `learning_rate`, `num_tokens`, `eval_loss`, …
        public var metrics: [String: Double]
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
        // Data
        let tokenizer = try Tokenizer(modelPath: modelPath)
        let (examples, form, chat) = try load(configuration.data, tokenizer)
        let validation = try Validation(configuration, form: form, chat: chat)
        let curriculum = Curriculum(
            examples, batch: configuration.batch * together.size, epochs: configuration.epochs,
            maxTokens: configuration.maxTokens, seed: configuration.seed)
        if together.leads { try folder.check(configuration, resume: resume) }

        // Model, adapter, optimiser
        let start = try folder.latest()
        let trainer = try await thread.run { try Trainer(configuration, modelPath: modelPath, checkpoint: start?.url) }
        var state = try start.map { try Trainer.state(in: $0.url) } ?? TrainingState()
        if together.leads {
            try folder.open(configuration)
            try folder.truncateMetrics(after: state.step)
        }
        let metricsWriter = together.leads ? try MetricsWriter(folder) : nil
        let card = AdapterCard(prompt: form.prompt, model: configuration.model)
        let steps = curriculum.steps
        let schedule = LearningRateSchedule(
            peak: configuration.optimizer.learningRate,
            warmupSteps: Int((configuration.warmup * Double(steps.count)).rounded(.up)), totalSteps: steps.count)

        func save() async throws {
            let state = state
            try await thread.run {
                try folder.save(step: state.step) { try trainer.save(to: $0, card: card, state: state) }
            }
        }

        // Steps
        while state.step < steps.count {
            let step = state.step + 1
            let batch = steps[state.step].map { examples[$0] }
            let rate = schedule.rate(step)
            let clock = ContinuousClock()
            let begin = clock.now
            let (loss, norm) = try await thread.run {
                try trainer.step(batch, number: step, learningRate: rate, configuration, together)
            }
            guard loss.isFinite, norm.isFinite else { throw try folder.diverged(step) }
            let tokens = batch.reduce(0) { $0 + $1.tokens.count }
            let seconds = (clock.now - begin) / .seconds(1)
            state.step = step
            state.tokens += tokens
            state.seconds += seconds
            var metrics = [
                "loss": loss, "grad_norm": norm, "learning_rate": rate, "num_tokens": Double(state.tokens),
                "epoch": Double(step * configuration.batch * together.size) / Double(examples.count),
                "tokens_per_second": Double(tokens) / seconds, "step_time": seconds,
            ]

            let isLast = step == steps.count
            let stops = try await thread.run { try together.any(shouldStop()) } && !isLast
            guard let metricsWriter else {
                if stops { throw TrainingError.interrupted(after: step, of: steps.count) }
                continue
            }
            let validates = isLast || step % configuration.validateEvery == 0
            if validates, let validation {
                let results = try await validation.measure(
                    trainer.model, trainer.weights, tokenizer: tokenizer, chat: chat, sandbox: sandbox, thread: thread)
                metrics.merge(results) { $1 }
                let score = Validation.score(results)
                if score > state.bestScore ?? -.infinity {
                    state.bestScore = score
                    try await thread.run {
                        try folder.save(.best, step: step) { try trainer.saveAdapter(to: $0, card: card) }
                    }
                }
            }
            try metricsWriter.append(metrics, step: step)
            observe(Progress(step: step, of: steps.count, metrics: metrics))
            if validates || stops { try await save() }
            if stops { throw TrainingError.interrupted(after: step, of: steps.count) }
        }
        guard together.leads else { return folder.adapter }
        return try await thread.run { try folder.finish(card, dropout: configuration.lora.dropout) }
    }

    /// The demonstrations of the files as examples, and the form of their states, which must be one.
    private func load(
        _ files: [String], _ tokenizer: Tokenizer
    ) throws -> ([CausalLM.PackedSequence], StateForm, ChatEncoder) {
        var examples: [CausalLM.PackedSequence] = []
        var known: (form: StateForm, chat: ChatEncoder)?
        var tooLong = 0
        for file in files {
            try Demonstration.forEach(in: URL(filePath: file)) { demonstration in
                let form = demonstration.meta.state
                if let known, known.form != form {
                    throw TrainingError(
                        .badData,
                        "\(file) shows states as \(form.rawValue), the demonstrations before it as "
                            + "\(known.form.rawValue); a model should learn one form.")
                }
                let chat = try known?.chat ?? ChatEncoder(tokenizer, for: form.prompt)
                known = (form, chat)
                let example = CausalLM.PackedSequence(demonstration, chat)
                if example.tokens.count <= configuration.maxLength, example.learnedCount > 0 {
                    examples.append(example)
                } else {
                    tooLong += 1
                }
            }
        }
        guard let known, !examples.isEmpty else {
            throw TrainingError(
                .badData,
                "\(files.joined(separator: ", ")): no demonstrations of at most "
                    + "\(configuration.maxLength) tokens (\(tooLong) are longer or teach nothing).")
        }
        return (examples, known.form, known.chat)
    }
}

/// How far a run is, beside its weights.
struct TrainingState: Hashable, Sendable, Codable {
    var step = 0
    var tokens = 0
    var seconds = 0.0
    var bestScore: Double?
}

extension Trainer {
    convenience init(_ configuration: SFTConfiguration, modelPath: String, checkpoint: URL?) throws {
        try self.init(
            configuration.model, modelPath: modelPath, precision: configuration.precision, checkpoint: checkpoint
        ) { model in
            if let path = configuration.adapter {
                return try LoRAWeights(LoRAAdapter(path: path), dropout: configuration.lora.dropout, for: model)
            }
            return try LoRAWeights(configuration.lora, for: model, seed: configuration.seed)
        }
    }

    /// One step on `batch`, of which each process takes its part; the mean loss over its learned tokens, and the
    /// gradient's norm.
    func step(
        _ batch: [CausalLM.PackedSequence], number: Int, learningRate: Double, _ configuration: SFTConfiguration,
        _ together: DataParallel = DataParallel(group: nil)
    ) throws -> (Double, Double) {
        let learned = Double(batch.reduce(0) { $0 + $1.learnedCount })
        let part = together.part(of: batch)
        // Passes of much the same size.
        let share = (part.reduce(0) { $0 + $1.computedCount } + laneCount - 1) / laneCount
        let passes = part.passes(limit: min(share, configuration.tokensPerPass / laneCount))
        let (model, layersPerCheckpoint) = (model, configuration.layersPerCheckpoint)
        let first = configuration.seed &+ UInt64(number) &* 1_000_003
        let losses = try accumulate(passes.map { $0.reduce(0) { $0 + $1.computedCount } }) { index, weights in
            let seed = first &+ UInt64(index * together.size + together.rank) &* 4_096
            return try model.backpropagate(
                passes[index], lora: weights, layersPerCheckpoint: layersPerCheckpoint, dropoutSeed: seed
            ) { logProbabilities, _ in try logProbabilities.sum(0) * (-1 / learned) }.loss
        }
        var loss = losses.reduce(0, +)
        try together.sum(weights.gradients)
        loss = try together.sum([loss])[0]
        guard loss.isFinite else { return (loss, .nan) }
        return (loss, try optimizer.step(number, configuration.optimizer, learningRate: learningRate))
    }
}
