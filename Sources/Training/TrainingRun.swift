import Foundation
import LanguageModels
import Runs
import StatefulTools
import Tensors

/// What all kinds of training share: the folder, the state, validation, checkpoints, metrics, and how a run stops and goes
/// on. A kind of training gives the step.
///
///     var run = try TrainingRun(configuration, steps: 100, in: folder, …)
///     let adapter = try await run.train(trainer, card, validate: { … }) { step, state in … }
///
/// A run can be stopped after any step, and goes on exactly: the seed and the step decide the data, and a checkpoint holds
/// the weights, the optimiser and the state.
struct TrainingRun: Sendable {
    /// What a step gives.
    struct Outcome: Sendable {
        var metrics: [String: Double]
        /// Episodes to record.
        var traces: [Trace] = []
    }

    /// What a validation gives. The adapter with the greatest score is the best.
    typealias Measured = (metrics: [String: Double], score: Double)

    let configuration: any TrainingConfiguration
    /// The steps of the whole run.
    let steps: Int
    let folder: RunFolder
    let together: DataParallel
    let thread: ComputeThread
    let shouldStop: @Sendable () -> Bool
    let observe: @Sendable (TrainingProgress) -> Void
    /// Where the run goes on; nil at its beginning.
    let checkpoint: URL?
    private let resume: Bool
    private var lock: RunLock?
    private var state = TrainingState()

    /// Checks the folder and reads how far the run is. Writes nothing.
    ///
    /// - Parameters:
    ///   - resume: whether the run may go on; a folder that holds a run is refused otherwise.
    ///   - shouldStop: asked after each step; when true, a checkpoint is saved and `interrupted` thrown.
    init(
        _ configuration: any TrainingConfiguration, steps: Int, in folder: RunFolder, resume: Bool,
        together: DataParallel, thread: ComputeThread, shouldStop: @escaping @Sendable () -> Bool,
        observe: @escaping @Sendable (TrainingProgress) -> Void
    ) throws {
        self.configuration = configuration
        self.steps = steps
        self.folder = folder
        self.together = together
        self.thread = thread
        self.shouldStop = shouldStop
        self.observe = observe
        self.resume = resume
        if together.leads { lock = try folder.lock() }
        try Self.check(configuration, folder, resume: resume, together)
        checkpoint = try folder.latest { note in if together.leads { observe(TrainingProgress(of: steps, note: note)) }
        }?.url
        if let checkpoint { state = try Trainer.state(in: checkpoint) }
        if state.step > steps {
            throw RunError(
                .foreignFolder,
                "\(folder.path) has done \(state.step) steps already; --steps \(steps) asks for fewer.")
        }
    }

    private static func check(
        _ configuration: any TrainingConfiguration, _ folder: RunFolder, resume: Bool, _ together: DataParallel
    ) throws {
        guard together.leads else { return }
        try folder.check(configuration, resume: resume, mayDiffer: type(of: configuration).mayDiffer)
        try folder.check(inputs: configuration.inputs)
    }

    /// Trains to the last step.
    ///
    /// - Parameters:
    ///   - validatesFirst: whether to validate before the first step too.
    ///   - validate: measures the policy as it is; nil where there is nothing to measure it with.
    ///   - step: takes a step, from 1.
    /// - Returns: the folder of the finished adapter.
    mutating func train(
        _ trainer: Trainer, _ card: AdapterCard, validatesFirst: Bool = false, validate: () async throws -> Measured?,
        step: (_ number: Int, _ state: inout TrainingState) async throws -> Outcome
    ) async throws -> URL {
        let writer = try open()
        if validatesFirst, state.step == 0, let writer, let measured = try await validate() {
            try await keep(measured, trainer, card)
            try writer.append(measured.metrics, step: 0)
            observe(TrainingProgress(step: 0, of: steps, metrics: measured.metrics))
        }
        while state.step < steps {
            let (clock, number) = (ContinuousClock(), state.step + 1)
            let begin = clock.now
            var outcome = try await step(number, &state)
            let seconds = (clock.now - begin) / .seconds(1)
            outcome.metrics["step_time"] = seconds
            state.step = number
            state.seconds += seconds

            let isLast = number == steps
            let stops = try await thread.run { [self] in try together.any(shouldStop()) } && !isLast
            if let writer {
                let validates = isLast || number % configuration.validateEvery == 0
                if validates, let measured = try await validate() {
                    outcome.metrics.merge(measured.metrics) { $1 }
                    try await keep(measured, trainer, card)
                }
                try writer.append(outcome.metrics, step: number)
                if !outcome.traces.isEmpty { try folder.writing { try folder.traces.append(outcome.traces) } }
                observe(
                    TrainingProgress(step: number, of: steps, metrics: outcome.metrics, sample: outcome.traces.first))
                if validates || stops { try await save(trainer, card) }
            }
            if stops { throw TrainingError.interrupted(after: number, of: steps) }
        }
        guard together.leads else { return folder.adapter }
        return try await thread.run { [self] in try finish(trainer, card) }
    }

    /// Makes the folder, or removes what an earlier start wrote after its last checkpoint. Nil in a process that does not
    /// write.
    private mutating func open() throws -> MetricsWriter? {
        guard together.leads else { return nil }
        if lock == nil {
            // Another process may have begun in the same new folder meanwhile.
            lock = try folder.makeAndLock()
            try Self.check(configuration, folder, resume: resume, together)
        }
        try folder.open(configuration)
        try folder.noteStart()
        try folder.truncateMetrics(after: state.step)
        return try MetricsWriter(folder)
    }

    /// Saves the adapter if its score is the best so far.
    private mutating func keep(_ measured: Measured, _ trainer: Trainer, _ card: AdapterCard) async throws {
        guard measured.score > state.bestScore ?? -.infinity else { return }
        state.bestScore = measured.score
        let (folder, step) = (folder, state.step)
        try await thread.run {
            try folder.save(.best, step: step) { try trainer.saveAdapter(to: $0, card: card) }
        }
    }

    private func save(_ trainer: Trainer, _ card: AdapterCard) async throws {
        try await thread.run { [folder, state] in
            try folder.save(step: state.step) { try trainer.save(to: $0, card: card, state: state) }
        }
    }

    /// Writes the adapter to be used, in 16-bit floats: the best by validation, else the last.
    private func finish(_ trainer: Trainer, _ card: AdapterCard) throws -> URL {
        let tell: (String) -> Void = { [observe, steps] in observe(TrainingProgress(step: steps, of: steps, note: $0)) }
        guard let best = try folder.latest(.best, note: tell) ?? folder.latest(note: tell) else {
            throw TrainingError(.badData, "There was nothing to learn.")
        }
        let weights = try LoRAAdapter(path: best.url.path(percentEncoded: false))
        try folder.writing {
            try weights.write(
                to: folder.adapter, baseModel: card.model, dtype: .float16,
                dropout: trainer.weights.configuration.dropout)
            try card.write(toAdapter: folder.adapter)
        }
        return folder.adapter
    }
}
