import Demonstrations
import Episodes
public import Foundation
public import LanguageModels
public import PythonSandbox
import Tensors
import Tokenization

/// Supervised fine-tuning of a LoRA adapter on demonstrations.
///
/// Loss on command tokens only (the mean over those of a step), on all linear layers, with demonstrations side by side
/// in a pass and no attention between them. A run can be stopped anywhere and goes on exactly as it would have: the
/// seed and the step decide the data and the dropout, a checkpoint holds the weights and the optimiser.
public struct SFT: Sendable {
    public let configuration: SFTConfiguration
    public let folder: RunFolder
    /// Plays validation episodes; none are played without it.
    public var sandbox: PythonSandbox?
    let thread: ComputeThread

    public init(
        _ configuration: SFTConfiguration, folder: URL, sandbox: PythonSandbox? = nil,
        thread: ComputeThread = ComputeThread()
    ) {
        self.configuration = configuration
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
        let chat = try ChatEncoder(tokenizer)
        let (examples, form) = try load(configuration.data, chat)
        let validation = try Validation(configuration, form: form, chat: chat)
        let curriculum = Curriculum(
            lengths: examples.map(\.tokens.count), batch: configuration.batch, epochs: configuration.epochs,
            maxTokens: configuration.maxTokens, seed: configuration.seed)
        try folder.open(configuration, resume: resume)

        // Model, adapter, optimiser
        let start = try folder.latest()
        let trainer = try await thread.run { try Trainer(configuration, modelPath: modelPath, checkpoint: start?.url) }
        var state = try start.map { try TrainingState(from: $0.url) } ?? TrainingState()
        try folder.truncateMetrics(after: state.step)
        let metricsWriter = try MetricsWriter(folder)
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
            let (loss, norm) = try await thread.run { try trainer.step(batch, number: step, learningRate: rate) }
            guard loss.isFinite, norm.isFinite else {
                throw TrainingError(
                    .diverged,
                    "The loss or its gradient is not a number any more in step \(step); try a lower "
                        + "learning rate. "
                        + (try folder.latest().map {
                            "The checkpoint of step \($0.step) is whole: \($0.url.path(percentEncoded: false))"
                        } ?? "There is no checkpoint yet."))
            }
            let tokens = batch.reduce(0) { $0 + $1.tokens.count }
            let seconds = (clock.now - begin) / .seconds(1)
            state.step = step
            state.tokens += tokens
            state.seconds += seconds
            var metrics = [
                "loss": loss, "grad_norm": norm, "learning_rate": rate, "num_tokens": Double(state.tokens),
                "epoch": Double(step * configuration.batch) / Double(examples.count),
                "tokens_per_second": Double(tokens) / seconds, "step_time": seconds,
            ]

            let isLast = step == steps.count
            let stops = shouldStop() && !isLast
            let validates = isLast || step % configuration.validateEvery == 0
            if validates, let validation {
                let results = try await validation.measure(
                    trainer.model, trainer.weights, tokenizer: tokenizer, chat: chat, sandbox: sandbox, thread: thread)
                metrics.merge(results) { $1 }
                let score = Validation.score(results)
                if score > state.bestScore ?? -.infinity {
                    state.bestScore = score
                    try await thread.run {
                        try folder.save("best", step: step) { try trainer.saveAdapter(to: $0, card: card) }
                    }
                }
            }
            try metricsWriter.append(metrics, step: step)
            observe(Progress(step: step, of: steps.count, metrics: metrics))
            if validates || stops { try await save() }
            if stops {
                throw TrainingError(
                    .interrupted,
                    "Stopped after step \(step) of \(steps.count); --resume goes on from there.")
            }
        }

        // The adapter to be used: the best by validation, else the last.
        let best = try folder.latest("best")?.url ?? folder.latest()?.url
        guard let best else { throw TrainingError(.badData, "There was nothing to learn.") }
        try await thread.run {
            let adapter = try LoRAAdapter(path: best.path(percentEncoded: false))
            try folder.writing {
                try adapter.write(
                    to: folder.adapter, baseModel: configuration.model, dtype: .float16,
                    dropout: configuration.lora.dropout)
                try card.write(toAdapter: folder.adapter)
            }
        }
        return folder.adapter
    }

    /// The demonstrations of the files as examples, and the form of their states, which must be one.
    private func load(_ files: [String], _ chat: ChatEncoder) throws -> ([CausalLM.PackedSequence], StateForm) {
        var examples: [CausalLM.PackedSequence] = []
        var form: StateForm?
        var tooLong = 0
        for file in files {
            try Demonstration.forEach(in: URL(filePath: file)) { demonstration in
                if let form, form != demonstration.meta.state {
                    throw TrainingError(
                        .badData,
                        "\(file) shows states as \(demonstration.meta.state.rawValue), the demonstrations "
                            + "before it as \(form.rawValue); a model should learn one form.")
                }
                form = demonstration.meta.state
                let example = CausalLM.PackedSequence(demonstration, chat)
                if example.tokens.count <= configuration.maxLength, example.learnedCount > 0 {
                    examples.append(example)
                } else {
                    tooLong += 1
                }
            }
        }
        guard let form, !examples.isEmpty else {
            throw TrainingError(
                .badData,
                "\(files.joined(separator: ", ")): no demonstrations of at most "
                    + "\(configuration.maxLength) tokens (\(tooLong) are longer or teach nothing).")
        }
        return (examples, form)
    }
}

/// How far a run is, beside its weights.
struct TrainingState: Hashable, Sendable, Codable {
    var step = 0
    var tokens = 0
    var seconds = 0.0
    var bestScore: Double?

    init() {}

    init(from checkpoint: URL) throws {
        let file = checkpoint.appending(path: "trainer_state.json")
        guard let data = try? Data(contentsOf: file),
            let state = try? JSONDecoder().decode(TrainingState.self, from: data)
        else {
            throw TrainingError(
                .foreignFolder, "\(file.path(percentEncoded: false)) is missing or damaged.")
        }
        self = state
    }
}

/// Model, adapter and optimiser. Used on the compute thread only.
final class Trainer: Sendable {
    let configuration: SFTConfiguration
    let model: CausalLM
    let weights: LoRAWeights
    let optimizer: AdamW

    init(_ configuration: SFTConfiguration, modelPath: String, checkpoint: URL?) throws {
        self.configuration = configuration
        model = try CausalLM(
            path: modelPath, device: .best, precision: configuration.precision)
        if let path = configuration.adapter {
            weights = try LoRAWeights(LoRAAdapter(path: path), dropout: configuration.lora.dropout, for: model)
        } else {
            weights = try LoRAWeights(configuration.lora, for: model, seed: configuration.seed)
        }
        optimizer = try AdamW(weights)
        if let checkpoint {
            try weights.copy(LoRAAdapter(path: checkpoint.path(percentEncoded: false)))
            try optimizer.load(from: checkpoint)
        }
    }

    /// One step on `batch`; the mean loss over its learned tokens, and the gradient's norm.
    func step(_ batch: [CausalLM.PackedSequence], number: Int, learningRate: Double) throws -> (Double, Double) {
        let learned = Double(batch.reduce(0) { $0 + $1.learnedCount })
        // Sequences of like length share a pass, so that little of it is left empty.
        let sorted = batch.sorted { $0.tokens.count > $1.tokens.count }
        var loss = 0.0
        for (index, pack) in sorted.packed(limit: configuration.tokensPerPass, size: \.tokens.count).enumerated() {
            let seed = configuration.seed &+ UInt64(number) &* 1_000_003 &+ UInt64(index) &* 4_096
            loss += try model.backpropagate(
                pack, lora: weights, layersPerCheckpoint: configuration.layersPerCheckpoint, dropoutSeed: seed
            ) { logProbabilities, _ in try logProbabilities.sum(0) * (-1 / learned) }.loss
        }
        guard loss.isFinite else { return (loss, .nan) }
        return (loss, try optimizer.step(number, configuration.optimizer, learningRate: learningRate))
    }

    func saveAdapter(to folder: URL, card: AdapterCard) throws {
        try weights.adapter.write(
            to: folder, baseModel: configuration.model, dropout: configuration.lora.dropout)
        try card.write(toAdapter: folder)
    }

    func save(to folder: URL, card: AdapterCard, state: TrainingState) throws {
        try saveAdapter(to: folder, card: card)
        try optimizer.save(to: folder)
        try JSONEncoder().encode(state).write(to: folder.appending(path: "trainer_state.json"), options: .atomic)
    }
}

extension AdamW {
    private static let fileName = "optimizer.safetensors"

    func save(to folder: URL) throws {
        try SafetensorsFile.write(
            ["first_moment": firstMoment, "second_moment": secondMoment], to: folder.appending(path: Self.fileName))
    }

    func load(from folder: URL) throws {
        let file = try SafetensorsFile(path: folder.appending(path: Self.fileName).path(percentEncoded: false))
        for (name, tensor) in [("first_moment", firstMoment), ("second_moment", secondMoment)] {
            guard let saved = try file.tensor(name), saved.shape == tensor.shape else {
                throw TrainingError(
                    .foreignFolder, "\(file.path) does not belong to this run's adapter.")
            }
            try tensor.write(saved)
        }
    }
}
