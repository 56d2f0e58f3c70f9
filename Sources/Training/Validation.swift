import Demonstrations
import Foundation
import LanguageModels
import Policies
import PythonSandbox
import StatefulTools
import Tensors

/// Measures a model during SFT: the loss on demonstrations that it does not learn, its first command, and whole episodes.
struct Validation: Sendable {
    private let data: SFTData
    private let examples: [CausalLM.PackedSequence]
    /// The demonstrations whose first command is measured, with their start states.
    private let openings: [(messages: [ChatMessage], start: any Tool)]
    /// The start states that are played.
    private let episodes: [any Tool]
    private let tokensPerPass: Int

    /// Nil where the configuration names no validation file.
    ///
    /// - Throws: ``TrainingError`` with code `badData` where the file holds no demonstrations in the style of the data.
    init?(_ configuration: SFTConfiguration, _ data: SFTData, toolbox: Toolbox) throws {
        guard let file = configuration.validation else { return nil }
        var all: [Demonstration] = []
        try Demonstration.forEach(in: URL(filePath: file)) { all.append($0) }
        guard all.allSatisfy({ $0.meta.prompt == data.prompt }), !all.isEmpty else {
            throw TrainingError(
                .badData,
                "\(file) holds no demonstrations, or not in the style \(data.prompt.rawValue) of the training data.")
        }
        let measured = all.prefix(configuration.validationCount)
        examples = measured.map { CausalLM.PackedSequence($0, data.chat) }
            .filter { $0.tokens.count <= configuration.maxLength && $0.learnedCount > 0 }
        openings = try measured.map { demonstration in
            let prompt = demonstration.messages.prefix { $0.role != .assistant }
            return (
                prompt.map { ChatMessage(role: $0.role, content: $0.content) }, try toolbox.start(demonstration.task)
            )
        }
        episodes = try all.prefix(configuration.validationEpisodes).map { try toolbox.start($0.task) }
        self.data = data
        tokensPerPass = configuration.tokensPerPass
    }

    /// The metrics of a model as it is. Their score is the loss: solved episodes and exact commands are the goal, but some
    /// dozens of them vary more by chance than from one validation to the next.
    func measure(
        _ trainer: Trainer, sandbox: PythonSandbox?, thread: ComputeThread
    ) async throws -> TrainingRun.Measured {
        let loss = try await thread.run { try self.loss(trainer) }
        var results = ["eval_loss": loss]
        // Played with merged weights: what a user of the adapter gets.
        let generator = try await thread.run {
            let merged = try trainer.model.merged(
                with: trainer.weights.adapter, precision: .standard(on: trainer.model.device))
            return Generator(model: merged, tokenizer: data.tokenizer, thread: thread)
        }
        let policy = LocalPolicy(name: "validation", generator: generator, chat: data.chat)
        for (name, count) in try await gradeFirstCommands(policy) {
            results["eval_first/\(name)"] = Double(count) / Double(openings.count)
        }
        if let sandbox, !episodes.isEmpty { results["eval_solved"] = try await solvedShare(policy, sandbox) }
        return (results, -loss)
    }

    private func loss(_ trainer: Trainer) throws -> Double {
        var sum = 0.0
        var count = 0
        for pass in examples.passes(limit: tokensPerPass) {
            let values = try trainer.model.logProbabilities(pass, lora: trainer.weights).floats()
            sum -= values.reduce(0) { $0 + Double($1) }
            count += values.count
        }
        return sum / Double(max(1, count))
    }

    /// How many first commands have each property that their tool names.
    private func gradeFirstCommands(_ policy: LocalPolicy) async throws -> [String: Int] {
        try await withThrowingTaskGroup(of: [String: Bool].self) { group in
            for (messages, start) in openings {
                group.addTask {
                    let session = try await policy.beginSession(
                        messages: messages, sampling: .commands(), maxTokens: 96)
                    let text = try await session.respond(.free).text
                    await session.end()
                    return start.grade(text)
                }
            }
            return try await group.reduce(into: [:]) { counts, facts in
                for (name, holds) in facts { counts[name, default: 0] += holds ? 1 : 0 }
            }
        }
    }

    private func solvedShare(_ policy: LocalPolicy, _ sandbox: PythonSandbox) async throws -> Double {
        let count = try await withThrowingTaskGroup(of: Bool.self) { group in
            for start in episodes {
                let options = EpisodeOptions(turns: type(of: start).turns, prompt: data.prompt)
                let player = EpisodePlayer(policy: policy, sandbox: sandbox, options: options)
                group.addTask { try await player.play(start, sampling: .commands()).solved }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        return Double(count) / Double(episodes.count)
    }
}
