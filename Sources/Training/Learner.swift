import Demonstrations
import Episodes
import Foundation
import LanguageModels
import LineEditor
import PythonSandbox
import RepairTasks
import Tensors
import Tokenization

/// One episode as the update reads it.
struct Experience {
    var sequence: CausalLM.PackedSequence
    /// Tokens at its beginning that the other episodes of its group have too.
    var promptCount: Int
    /// For each learned token: the log-probability with which it was drawn, and what its turn was better by. Empty for
    /// an imitated one.
    var logProbabilities: [Float]
    var advantages: [Float]
    /// What could be written at each learned token.
    var states: [(any ByteGrammar)?]
    var isImitated: Bool { logProbabilities.isEmpty }

    /// A demonstration, to be imitated.
    init(imitating sequence: CausalLM.PackedSequence) {
        self.sequence = sequence
        promptCount = 0
        logProbabilities = []
        advantages = []
        states = []
    }

    init(_ rollout: Rollouts.Rollout, advantages turns: [Double], tokenizer: Tokenizer) {
        let (tokens, mask, drawn) = rollout.trace.sequence
        // A token without an alternative was not chosen, and nothing can be learned there.
        let learned = zip(mask, drawn).map { $0 && $1 != 0 }
        sequence = CausalLM.PackedSequence(tokens: tokens, mask: learned)
        promptCount = rollout.trace.turns[0].completion.promptTokenIDs.count
        logProbabilities = zip(drawn, learned).filter(\.1).map(\.0)
        advantages = []
        states = []
        for (index, turn) in rollout.trace.turns.enumerated() {
            let completion = turn.completion
            let before = rollout.grammars[index].map { grammar in
                // The last draw of all could not end as an excluded command.
                let isLast = completion.redraws ?? 0 == grammar.redraws
                let start: any ByteGrammar = isLast ? grammar.start : grammar.start.admittingExcluded
                return start.states(before: completion.tokenIDs, tokenizer)
            }
            for (place, value) in completion.logProbabilities.enumerated() where value != 0 {
                advantages.append(Float(turns[index]))
                states.append(before?[place])
            }
        }
    }
}

/// The shortest repair of a task as something to imitate.
struct Imitation: Sendable {
    private let demonstrator: Demonstrator
    private let chat: ChatEncoder

    /// Nil where the recipe does not imitate.
    init?(_ recipe: GRPORecipe, prompt: Prompt, sandbox: PythonSandbox, chat: ChatEncoder) throws {
        guard recipe.imitation > 0 else { return nil }
        guard let form = StateForm.allCases.first(where: { $0.prompt == prompt }) else {
            throw TrainingError(
                .badData,
                "Imitation needs an adapter that was trained with one of the prompts of coe data synthesize; switch it "
                    + "off with --imitation 0.")
        }
        demonstrator = Demonstrator(cache: JobCache(sandbox), state: form)
        self.chat = chat
    }

    /// Nil without a reference, or when it can't be reached within an episode.
    func experience(_ task: RepairTask) async throws -> Experience? {
        guard let oracle = task.oracle else { return nil }
        let steps = oracle.dropLast().map { Demonstrator.Step($0) }
        guard let played = try await demonstrator.play(task, steps: steps, limits: SandboxLimits()) else { return nil }
        return Experience(imitating: CausalLM.PackedSequence(played.messages, chat))
    }
}

/// The policy in training, and how it learns from experiences.
final class Learner: Sendable {
    let trainer: Trainer
    private let configuration: RLConfiguration
    private var recipe: GRPORecipe { configuration.recipe }
    /// The policy that training began with, for the divergence from it.
    private let reference: LoRAWeights?
    private let masks: GrammarMasks?
    private let together: DataParallel

    init(
        _ configuration: RLConfiguration, modelPath: String, checkpoint: URL?, tokenizer: Tokenizer, chat: ChatEncoder,
        together: DataParallel = DataParallel(group: nil)
    ) throws {
        self.configuration = configuration
        self.together = together
        trainer = try Trainer(
            configuration.model, modelPath: modelPath, precision: configuration.precision, checkpoint: checkpoint
        ) { try LoRAWeights(LoRAAdapter(path: configuration.adapter), for: $0) }
        reference =
            configuration.recipe.beta == 0
            ? nil : try LoRAWeights(LoRAAdapter(path: configuration.adapter), for: trainer.model)
        masks =
            configuration.isConstrained
            ? GrammarMasks(tokenizer, stop: .init(tokens: chat.stopIDs, strings: Rollouts.stop)) : nil
    }

    struct Update: Sendable {
        var metrics: [String: Double] = [:]
        var isFinite = true
    }

    /// How far the log-probabilities of the rollouts may be from those of the trainer where both are the same weights in
    /// 32-bit floats, once merged and once beside the model: every one of them.
    static let tolerance: Float = 1e-4
    /// The same where one of them is rounded: their mean. Foreign weights are farther away.
    static let roundedTolerance: Float = 0.1
    /// The most that a token's gradient is weighed by for the difference (Yao et al., "Your Efficient RL Framework Secretly
    /// Brings You Off-Policy RL Training", 2025).
    static let largestCorrection: Float = 2

    private var isExact: Bool { configuration.precision == .float32 && configuration.rolloutPrecision == .float32 }

    /// Learns from groups of experiences; those of one share their prompt.
    func update(_ groups: [[Experience]], step: Int, learningRate: Double) throws -> Update {
        var update = Update()
        let experiences = Array(groups.joined())
        let imitated = experiences.count { $0.isImitated }
        let counts = try together.sum([Double(experiences.count - imitated), Double(imitated)])
        let sizes = Sizes(
            episodes: max(1, Int(counts[0])), imitated: max(1, Int(counts[1])), longest: configuration.maxTurns * 16)
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
            let sums = results.reduce(into: Sums()) { $0.add($1.sums) }
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
        // Not a number is too far as well.
        guard isExact ? largest <= Self.tolerance : mean <= Self.roundedTolerance else {
            let (found, allowed, which) =
                isExact ? (largest, Self.tolerance, "") : (mean, Self.roundedTolerance, "mean ")
            throw TrainingError(
                .foreignRollouts,
                "In step \(step) the log-probabilities of the rollouts differ by \(found) \(which)from the trainer's (at "
                    + "most \(allowed) is rounding): they were not played with these weights. Nothing was learned from "
                    + "them.")
        }
        return ["sampling/logp_difference_max": Double(largest), "sampling/logp_difference_mean": Double(mean)]
    }

    /// Runs of experiences that go through the model together: the prompt stands in the first and is shared by the others.
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
        var negativeLogProbability = 0.0
        var divergence = 0.0
        var clippedLow = 0.0
        var clippedHigh = 0.0

        mutating func add(_ other: Sums) {
            tokens += other.tokens
            loss += other.loss
            negativeLogProbability += other.negativeLogProbability
            divergence += other.divergence
            clippedLow += other.clippedLow
            clippedHigh += other.clippedHigh
        }

        var metrics: [String: Double] {
            let count = max(1, tokens)
            return [
                "loss": loss, "entropy": negativeLogProbability / count, "kl": divergence / count,
                "clip_ratio/low_mean": clippedLow / count, "clip_ratio/high_mean": clippedHigh / count,
            ]
        }
    }

    /// Adds a pass's gradients to those of `lora`; the log-probabilities are those of its learned tokens.
    ///
    /// - Parameter before: The same before the first step of the optimiser; nil in that step.
    private func backpropagate(
        _ pass: [Experience], before: [Float]?, _ sizes: Sizes, _ lora: LoRAWeights
    ) throws -> (sums: Sums, logProbabilities: [Float]) {
        let sequences = pass.map(\.sequence)
        var sums = Sums()
        if pass.contains(where: \.isImitated) {
            // Alone in its pass; see `passes`.
            let learned = Double(sequences.reduce(0) { $0 + $1.learnedCount })
            let weight = -recipe.imitation / (learned * Double(sizes.imitated))
            let result = try trainer.model.backpropagate(
                sequences, lora: lora, layersPerCheckpoint: configuration.layersPerCheckpoint
            ) { values, _ in try values.sum(0) * weight }
            sums.loss += result.loss
            return (sums, [])
        }
        let distribution = TokenDistribution(
            temperature: configuration.temperature, states: pass.flatMap(\.states), masks: masks)
        let drawn = pass.flatMap(\.logProbabilities)
        let advantages = pass.flatMap(\.advantages)
        let weights = pass.flatMap { experience -> [Float] in
            let count = experience.logProbabilities.count
            let divisor = recipe.loss == .episode ? count : sizes.longest
            return [Float](repeating: 1 / Float(divisor * sizes.episodes), count: count)
        }
        let began = try reference.map {
            try trainer.model.logProbabilities(sequences, lora: $0, distribution: distribution).floats()
        }
        let result = try trainer.model.backpropagate(
            sequences, lora: lora, layersPerCheckpoint: configuration.layersPerCheckpoint,
            distribution: distribution
        ) { values, range in
            let now = try values.floats()
            // The policy as it was before the first step.
            let old = before.map { Array($0[range]) } ?? now
            var factors = [Float](repeating: 0, count: range.count)
            var clipped: Float = 0
            for (place, token) in range.enumerated() {
                let (advantage, ratio) = (advantages[token], exp(now[place] - old[place]))
                let weight =
                    isExact
                    ? weights[token]
                    : weights[token] * min(Self.largestCorrection, exp(old[place] - drawn[token]))
                let (low, high) = (Float(1 - recipe.clipLow), Float(1 + recipe.clipHigh))
                sums.tokens += 1
                sums.negativeLogProbability -= Double(now[place])
                // The lesser of ratio · A and clip(ratio) · A; where that is the clipped one, it has no gradient.
                if advantage > 0 && ratio > high {
                    sums.clippedHigh += 1
                    clipped -= weight * advantage * high
                } else if advantage < 0 && ratio < low {
                    sums.clippedLow += 1
                    clipped -= weight * advantage * low
                } else {
                    factors[place] = -weight * advantage
                }
            }
            func tensor(_ values: some Sequence<Float>) throws -> Tensor {
                try Tensor(Array(values), shape: [range.count]).to(.float32, on: trainer.model.device)
            }
            var loss = try (values - tensor(old)).exp() * tensor(factors)
            if let began {
                // exp(d) - d - 1 with d = log(reference / policy): Schulman's k3, always positive.
                let difference = try tensor(began[range]) - values
                let divergence = try difference.exp() - difference - 1
                sums.divergence += try divergence.floats().reduce(0) { $0 + Double($1) }
                loss = try loss + divergence * tensor(weights[range].map { $0 * Float(recipe.beta) })
            }
            return try loss.sum(0) + Double(clipped)
        }
        sums.loss += result.loss
        return (sums, result.logProbabilities)
    }
}

extension GRPO.Groups {
    /// What the episodes of a step were like.
    func metrics(maxTurns: Int) -> [String: Double] {
        let rewarded = all.flatMap(\.rewarded)
        let traces = all.flatMap(\.rollouts).map(\.trace)
        let turns = traces.flatMap(\.turns)
        let solved = traces.filter(\.solved)
        func share<Element>(_ elements: [Element], _ condition: (Element) -> Bool) -> Double {
            Double(elements.count(where: condition)) / Double(max(1, elements.count))
        }
        func mean(_ values: [Double]) -> Double { Moments(values).mean }
        var metrics: [String: Double] = [:]
        metrics["reward"] = mean(rewarded.map(\.total))
        metrics["reward_std"] = mean(all.map { Moments($0.rewarded.map(\.total)).deviation })
        metrics["frac_reward_zero_std"] = share(all) { !$0.hasVariance }
        metrics["groups/all_failed"] = share(all) { $0.solvedCount == 0 }
        metrics["groups/all_solved"] = share(all) { $0.solvedCount == $0.rollouts.count }
        metrics["completions/mean_length"] = mean(turns.map { Double($0.completion.tokenIDs.count) })
        metrics["solved"] = share(traces, \.solved)
        metrics["malformed"] = share(turns) { $0.command == nil }
        metrics["inapplicable"] = share(turns) { $0.command != nil && $0.error != nil }
        metrics["redraws"] = mean(turns.map { Double($0.completion.redraws ?? 0) })
        metrics["exit"] = share(traces) { $0.exit == .exit }
        metrics["commands/unique"] =
            Double(Set(turns.compactMap { $0.command?.description }).count) / Double(max(1, turns.count))
        metrics["turns"] = mean(traces.map { Double($0.turns.count) })
        metrics["sandbox_seconds"] = turns.reduce(0) { $0 + $1.report.seconds }
        for (kind, name) in RewardedEpisode.kinds.enumerated() {
            metrics["rewards/\(name)/mean"] = mean(rewarded.map { $0.sum(kind) })
        }
        if !solved.isEmpty {
            metrics["edits_per_solve"] = mean(
                solved.map { Double($0.turns.count { $0.error == nil && $0.command != .exit }) })
        }
        // The share of the episodes that are solved after so many turns.
        for turn in 1...maxTurns {
            metrics["solved/turn_\(turn)"] = share(traces) { $0.turns.prefix(turn).contains { $0.report.isSolved } }
        }
        return metrics
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
