public import Foundation
public import LanguageModels
public import PythonSandbox
public import Runs
public import StatefulTools
public import Tensors

/// Supervised fine-tuning of a LoRA adapter on demonstrations.
///
/// The loss is the mean over the command tokens of a step. LoRA acts on all linear layers. Several demonstrations go through
/// the model in one pass, without attention between them.
public struct SFT: Sendable {
    public private(set) var configuration: SFTConfiguration
    public let folder: RunFolder
    /// The tools of the demonstrations.
    let toolbox: Toolbox
    /// Judges the states of validation episodes; none are played without it.
    let sandbox: PythonSandbox?
    let thread: ComputeThread
    private let together: DataParallel

    /// - Parameters:
    ///   - toolbox: the tools that the demonstrations may be of.
    ///   - sandbox: judges the states of validation episodes; none are played when nil.
    ///   - group: the processes that train together, each on `batch` demonstrations a step; nil for one alone.
    public init(
        _ configuration: SFTConfiguration, folder: URL, toolbox: Toolbox, sandbox: PythonSandbox? = nil,
        group: ProcessGroup? = nil, thread: ComputeThread = ComputeThread()
    ) {
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
        let data = try SFTData(configuration, modelPath: modelPath)
        let validation = try Validation(configuration, data, toolbox: toolbox)
        let steps = Curriculum(
            data.examples, batch: configuration.batch * together.size, epochs: configuration.epochs,
            maxTokens: configuration.maxTokens, seed: configuration.seed
        ).steps
        let schedule = LearningRateSchedule(
            peak: configuration.optimizer.learningRate,
            warmupSteps: Int((configuration.warmup * Double(steps.count)).rounded(.up)), totalSteps: steps.count)
        var run = try TrainingRun(
            configuration, steps: steps.count, in: folder, resume: resume, together: together, thread: thread,
            shouldStop: shouldStop, observe: observe)
        let checkpoint = run.checkpoint
        let trainer = try await thread.run { try Trainer(configuration, modelPath: modelPath, checkpoint: checkpoint) }

        return try await run.train(trainer, data.card) {
            try await validation?.measure(trainer, sandbox: sandbox, thread: thread)
        } step: { step, state in
            let batch = steps[step - 1].map { data.examples[$0] }
            let rate = schedule.rate(step)
            let begin = ContinuousClock.now
            let (loss, norm) = try await thread.run {
                try trainer.step(batch, number: step, learningRate: rate, configuration, group: together.group)
            }
            guard loss.isFinite, norm.isFinite else { throw try TrainingError.diverged(step, in: folder) }
            let seconds = (ContinuousClock.now - begin) / .seconds(1)
            let tokens = batch.reduce(0) { $0 + $1.tokens.count }
            state.tokens += tokens
            return TrainingRun.Outcome(metrics: [
                "loss": loss, "grad_norm": norm, "learning_rate": rate, "num_tokens": Double(state.tokens),
                "epoch": Double(step * configuration.batch * together.size) / Double(data.examples.count),
                "tokens_per_second": Double(tokens) / seconds,
            ])
        }
    }

    /// The configuration with the digests of the files that the run reads.
    private func withInputs(_ modelPath: String) throws -> SFTConfiguration {
        var configuration = configuration
        guard together.leads else { return configuration }
        configuration.inputs = try InputDigest.lines(
            configuration.data + [modelPath] + [configuration.validation, configuration.adapter].compactMap { $0 })
        return configuration
    }
}
