import Foundation
import LanguageModels
import Policies
import StatefulTools
import Tensors
import Tokenization

/// The policy in training, and how it learns from experiences. Used on the compute thread only.
final class Learner: Sendable {
    let trainer: Trainer
    let tokenizer: Tokenizer
    let chat: ChatEncoder
    private let configuration: RLConfiguration
    private var recipe: GRPORecipe { configuration.recipe }
    private let loss: any PolicyLoss
    /// The policy that training began with, for the divergence from it.
    private let reference: LoRAWeights?
    private let masks: GrammarMasks?
    private let together: DataParallel

    /// - Parameters:
    ///   - checkpoint: where the run goes on; nil at its beginning.
    ///   - loss: nil for the recipe's.
    init(
        _ configuration: RLConfiguration, modelPath: String, checkpoint: URL?, prompt: PromptStyle,
        loss: (any PolicyLoss)? = nil, together: DataParallel = DataParallel(group: nil)
    ) throws {
        self.configuration = configuration
        self.together = together
        let recipe = configuration.recipe
        self.loss = loss ?? ClippedSurrogate(low: recipe.clipLow, high: recipe.clipHigh)
        tokenizer = try Tokenizer(modelPath: modelPath)
        chat = try ChatEncoder(tokenizer, for: prompt)
        trainer = try Trainer(
            configuration.model, modelPath: modelPath, precision: configuration.precision, checkpoint: checkpoint
        ) { try LoRAWeights(LoRAAdapter(path: configuration.adapter), for: $0) }
        reference =
            recipe.beta == 0 ? nil : try LoRAWeights(LoRAAdapter(path: configuration.adapter), for: trainer.model)
        masks =
            configuration.isConstrained
            ? GrammarMasks(
                tokenizer, rows: trainer.model.configuration.vocabularySize,
                stop: .init(tokens: chat.stopIDs, strings: SamplingParameters.commands().stop)) : nil
    }

    struct Update: Sendable {
        var metrics: [String: Double] = [:]
        var isFinite = true
    }

    /// How far the log-probabilities of the rollouts may be from the trainer's where both are the same weights in 32-bit
    /// floats, once merged and once beside the model: each of them.
    static let tolerance: Float = 1e-4
    /// The same where one of them is rounded: their mean. Foreign weights are farther away.
    static let roundedTolerance: Float = 0.1
    /// The most that a token's gradient is weighed by for the difference (Yao et al., "Your Efficient RL Framework Secretly
    /// Brings You Off-Policy RL Training", 2025).
    static let largestCorrection: Float = 2

    private var isExact: Bool { configuration.precision == .float32 && configuration.rolloutPrecision == .float32 }

    /// Learns from groups of experiences; the experiences of a group share their prompt.
    func update(_ groups: [[Experience]], step: Int, learningRate: Double) throws -> Update {
        var update = Update()
        let experiences = Array(groups.joined())
        let imitated = experiences.count { $0.isImitated }
        let counts = try together.sum([Double(experiences.count - imitated), Double(imitated)])
        let sizes = Sizes(
            episodes: max(1, Int(counts[0])), imitated: max(1, Int(counts[1])), longest: configuration.turns * 16)
        let passes = groups.flatMap { Self.passes($0, limit: configuration.tokensPerPass / trainer.laneCount) }
        let optimizerSteps = (step - 1) * recipe.updates
        /// The log-probabilities of each pass before the first step of the optimiser.
        var before: [[Float]]?
        for number in 0..<recipe.updates {
            let known = before
            let results = try trainer.accumulate(passes.map { $0.reduce(0) { $0 + $1.sequence.computedCount } }) {
                try self.backpropagate(passes[$0], before: known?[$0], sizes, $1)
            }
            if before == nil {
                let fresh = results.map(\.logProbabilities)
                before = fresh
                try update.metrics.merge(checked(fresh, passes, step)) { $1 }
            }
            let sums = results.reduce(into: Sums(loss.counted)) { $0.add($1.sums) }
            try together.sum(trainer.weights.gradients)
            let norm = try trainer.optimizer.step(
                optimizerSteps + number + 1, configuration.optimizer, learningRate: learningRate)
            update.metrics["grad_norm"] = norm
            update.metrics.merge(sums.metrics) { $1 }
            update.isFinite = norm.isFinite && sums.loss.isFinite
            if !update.isFinite { return update }
        }
        update.metrics["update/tokens"] = Double(passes.joined().reduce(0) { $0 + $1.sequence.computedCount })
        return update
    }

    /// How far the rollouts' log-probabilities are from the trainer's. Rollouts of other weights are refused.
    private func checked(_ fresh: [[Float]], _ passes: [[Experience]], _ step: Int) throws -> [String: Double] {
        let drawn = passes.flatMap { $0.flatMap(\.logProbabilities) }
        let differences = zip(fresh.joined(), drawn).map { abs($0 - $1) }
        let largest = differences.reduce(0) { max($0, $1) }
        let mean = differences.reduce(0, +) / Float(max(1, differences.count))
        // A value that is not a number is too far as well.
        guard isExact ? largest <= Self.tolerance : mean <= Self.roundedTolerance else {
            let (found, allowed, which) =
                isExact ? (largest, Self.tolerance, "") : (mean, Self.roundedTolerance, "mean ")
            throw TrainingError(
                .foreignRollouts,
                "In step \(step) the log-probabilities of the rollouts differ by \(found) \(which)from the trainer's (at "
                    + "most \(allowed) is rounding): the rollouts were not played with these weights. Nothing was learned "
                    + "from them.")
        }
        return ["sampling/logp_difference_max": Double(largest), "sampling/logp_difference_mean": Double(mean)]
    }

    /// Runs of experiences that go through the model together: the first holds the prompt, and the others share it.
    private static func passes(_ group: [Experience], limit: Int) -> [[Experience]] {
        let sorted = group.sorted { $0.sequence.tokens.count > $1.sequence.tokens.count }
        return sorted.packed(limit: limit) { $0.sequence.tokens.count - $0.promptCount }.map { pass in
            pass.enumerated().map { index, experience in
                var experience = experience
                if index > 0 { experience.sequence.sharedCount = experience.promptCount }
                return experience
            }
        }
    }

    /// What the losses of tokens are divided by.
    private struct Sizes {
        var episodes: Int
        var imitated: Int
        /// Tokens of a long episode.
        var longest: Int
    }

    /// Sums over the learned tokens of an update.
    private struct Sums {
        var tokens = 0.0
        var loss = 0.0
        /// By the name of the metric that is their mean over the tokens.
        var counts: [String: Double]

        init(_ counted: [String] = []) {
            counts = Dictionary(uniqueKeysWithValues: (["entropy", "kl"] + counted).map { ($0, 0) })
        }

        mutating func add(_ other: Sums) {
            tokens += other.tokens
            loss += other.loss
            counts.merge(other.counts, uniquingKeysWith: +)
        }

        var metrics: [String: Double] {
            counts.mapValues { $0 / max(1, tokens) }.merging(["loss": loss]) { $1 }
        }
    }

    /// Adds a pass's gradients to those of `lora`.
    ///
    /// - Parameter before: the log-probabilities before the first step of the optimiser; nil in that step.
    /// - Returns: the sums, and the log-probabilities of the learned tokens.
    private func backpropagate(
        _ pass: [Experience], before: [Float]?, _ sizes: Sizes, _ lora: LoRAWeights
    ) throws -> (sums: Sums, logProbabilities: [Float]) {
        // Imitated experiences are alone in their pass; see `passes`.
        if pass.contains(where: \.isImitated) { return (try imitate(pass, sizes, lora), []) }
        let sequences = pass.map(\.sequence)
        let distribution = TokenDistribution(
            temperature: configuration.temperature, states: pass.flatMap(\.states), masks: masks)
        let drawn = pass.flatMap(\.logProbabilities)
        let advantages = pass.flatMap(\.advantages)
        let weights = pass.flatMap { experience -> [Float] in
            let count = experience.logProbabilities.count
            let divisor = recipe.weighting == .episode ? count : sizes.longest
            return [Float](repeating: 1 / Float(divisor * sizes.episodes), count: count)
        }
        let began = try reference.map {
            try trainer.model.logProbabilities(sequences, lora: $0, distribution: distribution).floats()
        }
        var sums = Sums()
        let result = try trainer.model.backpropagate(sequences, lora: lora, distribution: distribution) {
            values, range in
            let now = try values.floats()
            // The policy as it was before the first step.
            let old = before.map { Array($0[range]) } ?? now
            var tokens = PolicyTokens(
                now: now, old: old, advantages: Array(advantages[range]), weights: Array(weights[range]))
            if !isExact {
                for (place, token) in range.enumerated() {
                    tokens.weights[place] *= min(Self.largestCorrection, exp(old[place] - drawn[token]))
                }
            }
            sums.tokens += Double(range.count)
            sums.counts["entropy", default: 0] -= now.reduce(0) { $0 + Double($1) }
            let learned = try loss.losses(values, tokens)
            sums.counts.merge(learned.counts, uniquingKeysWith: +)
            guard let began else { return try learned.losses.sum(0) }
            func tensor(_ values: some Sequence<Float>) throws -> Tensor {
                try Tensor(Array(values), shape: [range.count]).to(.float32, on: trainer.model.device)
            }
            // exp(d) - d - 1 with d = log(reference / policy): Schulman's k3, always positive.
            let difference = try tensor(began[range]) - values
            let divergence = try difference.exp() - difference - 1
            sums.counts["kl", default: 0] += try divergence.floats().reduce(0) { $0 + Double($1) }
            let penalty = try divergence * tensor(weights[range].map { $0 * Float(recipe.beta) })
            return try (learned.losses + penalty).sum(0)
        }
        sums.loss += result.loss
        return (sums, result.logProbabilities)
    }

    private func imitate(_ pass: [Experience], _ sizes: Sizes, _ lora: LoRAWeights) throws -> Sums {
        let sequences = pass.map(\.sequence)
        let learned = Double(sequences.reduce(0) { $0 + $1.learnedCount })
        let weight = -recipe.imitation / (learned * Double(sizes.imitated))
        let result = try trainer.model.backpropagate(sequences, lora: lora) { values, _ in
            try values.sum(0) * weight
        }
        var sums = Sums()
        sums.loss += result.loss
        return sums
    }
}

extension Array {
    /// Runs of elements whose sizes add up to `limit` at most, or one element that is larger.
    fileprivate func packed(limit: Int, size: (Element) -> Int) -> [[Element]] {
        var packs: [[Element]] = []
        var room = 0
        for element in self {
            let needed = size(element)
            if packs.isEmpty || needed > room {
                packs.append([])
                room = limit
            }
            packs[packs.count - 1].append(element)
            room -= needed
        }
        return packs
    }
}
