public import Foundation
public import LanguageModels
public import Tensors

extension Trainer {
    /// The model and the adapter of a supervised run.
    ///
    /// - Parameter checkpoint: where the run goes on; nil at its beginning.
    public convenience init(_ configuration: SFTConfiguration, modelPath: String, checkpoint: URL?) throws {
        try self.init(
            configuration.model, modelPath: modelPath, precision: configuration.precision, checkpoint: checkpoint
        ) { model in
            if let path = configuration.adapter {
                return try LoRAWeights(LoRAAdapter(path: path), dropout: configuration.lora.dropout, for: model)
            }
            return try LoRAWeights(configuration.lora, for: model, seed: configuration.seed)
        }
    }

    /// One step on `batch`; each process takes its part.
    ///
    /// - Parameters:
    ///   - number: the step, from 1; it decides the dropout.
    ///   - group: the processes that train together; nil for one alone.
    /// - Returns: the mean loss over the learned tokens, and the gradient's norm.
    public func step(
        _ batch: [CausalLM.PackedSequence], number: Int, learningRate: Double, _ configuration: SFTConfiguration,
        group: ProcessGroup? = nil
    ) throws -> (loss: Double, norm: Double) {
        let together = DataParallel(group: group)
        let learned = Double(batch.reduce(0) { $0 + $1.learnedCount })
        let part = together.part(of: batch)
        // Passes of much the same size.
        let share = (part.reduce(0) { $0 + $1.computedCount } + laneCount - 1) / laneCount
        let passes = part.passes(limit: min(share, configuration.tokensPerPass / laneCount))
        let model = model
        let first = configuration.seed &+ UInt64(number) &* 1_000_003
        let losses = try accumulate(passes.map { $0.reduce(0) { $0 + $1.computedCount } }) { index, weights in
            let seed = first &+ UInt64(index * together.size + together.rank) &* 4_096
            return try model.backpropagate(passes[index], lora: weights, dropoutSeed: seed) { logProbabilities, _ in
                try logProbabilities.sum(0) * (-1 / learned)
            }.loss
        }
        var loss = losses.reduce(0, +)
        try together.sum(weights.gradients)
        loss = try together.sum([loss])[0]
        guard loss.isFinite else { return (loss, .nan) }
        return (loss, try optimizer.step(number, configuration.optimizer, learningRate: learningRate))
    }
}
