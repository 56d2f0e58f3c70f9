import LanguageModels
import Policies
import StatefulTools

extension GRPO {
    /// Plays with the weights as they are.
    func player(
        of learner: Learner, _ prompt: PromptStyle, temperature: Double, resamples: Int
    ) async throws -> LockstepPlayer {
        let (precision, thread) = (configuration.rolloutPrecision, thread)
        let generator = try await thread.run {
            let trainer = learner.trainer
            let merged = try trainer.model.merged(with: trainer.weights.adapter, precision: precision)
            return Generator(model: merged, tokenizer: learner.tokenizer, thread: thread)
        }
        let policy = LocalPolicy(name: configuration.model, generator: generator, chat: learner.chat)
        let options = EpisodeOptions(
            turns: configuration.turns, endsAtFirstPass: recipe.endsAtFirstPass,
            isConstrained: configuration.isConstrained, resamples: resamples, prompt: prompt, rewards: recipe.rewards)
        return LockstepPlayer(
            policy: policy, sandbox: sandbox, options: options, maxTokens: configuration.maxTokens,
            temperature: temperature)
    }

    /// The share of these tasks that greedy episodes solve; nil without tasks.
    func validate(
        _ tasks: some Collection<any Tool>, _ learner: Learner, _ prompt: PromptStyle
    ) async throws -> TrainingRun.Measured? {
        if tasks.isEmpty { return nil }
        let player = try await player(
            of: learner, prompt, temperature: 0, resamples: EpisodeOptions.standardResamples)
        let played = try await player.play(tasks.map { LockstepPlayer.Start(tool: $0) })
        let solved = Double(played.count { $0.trace.solved }) / Double(played.count)
        return (["eval_solved": solved], solved)
    }

    /// Plays groups, until enough of them differ in what their episodes earned where the recipe asks for that.
    func sample(
        _ tasks: [any Tool], step: Int, _ player: LockstepPlayer, _ state: inout StartStates
    ) async throws -> RolloutGroups {
        var groups = RolloutGroups()
        for round in 0..<recipe.dynamicSampling {
            // All processes choose the same start states, and each plays its own.
            let missing = configuration.starts - groups.kept.count
            let wanted = try await counts(missing)
            let total = wanted.reduce(0, +)
            if total == 0 { break }
            var random = SeededGenerator(seed: configuration.seed, stream: UInt64(step * 64 + round))
            let chosen = state.choose(total, of: tasks, byPassRate: recipe.choosesByPassRate, &random)
            let starts = chosen.map { tool in
                (0..<recipe.groupSize).map { LockstepPlayer.Start(tool: tool, sample: $0, seed: random.next()) }
            }
            // Fewer are chosen than wanted where there are no more.
            let first = min(chosen.count, wanted[..<together.rank].reduce(0, +))
            let own = first..<min(chosen.count, first + missing)
            let played = try await player.play(starts[own].flatMap { $0 })
            var results = [Double](repeating: 0, count: 2 * chosen.count)
            for (index, place) in own.enumerated() {
                // An episode that the sandbox could not finish teaches nothing.
                let rollouts = played[index * recipe.groupSize..<(index + 1) * recipe.groupSize].filter {
                    $0.trace.exit != .broken && $0.trace.exit != .unusableTests && !$0.trace.turns.isEmpty
                }
                if rollouts.isEmpty { continue }
                let group = RolloutGroup(start: chosen[place], rollouts: rollouts)
                results[2 * place] = Double(group.solvedCount)
                results[2 * place + 1] = Double(rollouts.count)
                groups.all.append(group)
                if group.hasVariance || recipe.dynamicSampling == 1 { groups.kept.append(group) }
            }
            let all = try await sum(results)
            for (place, tool) in chosen.enumerated() where all[2 * place + 1] > 0 {
                state.tallies[tool.id, default: StartStates.Tally()].add(all[2 * place], of: all[2 * place + 1])
            }
        }
        if groups.all.isEmpty {
            throw TrainingError(
                .badData, "No episode of step \(step) could be played; the sandbox or the tasks' tests are broken.")
        }
        return groups
    }

    /// The sums over all processes.
    func sum(_ values: [Double]) async throws -> [Double] {
        try await thread.run { [together] in try together.sum(values) }
    }

    /// The number of each process.
    private func counts(_ own: Int) async throws -> [Int] {
        var values = [Double](repeating: 0, count: together.size)
        values[together.rank] = Double(own)
        return try await sum(values).map { Int($0) }
    }
}
