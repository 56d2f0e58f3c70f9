import Demonstrations
import Episodes
import Foundation
import LanguageModels
import LineEditor
import Policies
import PythonSandbox
import RepairTasks
import Tensors
import Tokenization

/// What a model in training is measured by: the loss on demonstrations that it does not learn, the first command that
/// it gives, and whole episodes.
struct Validation: Sendable {
    private let demonstrations: [Demonstration]
    private let examples: [CausalLM.PackedSequence]
    private let episodes: ArraySlice<Demonstration>
    private let form: StateForm
    private let tokensPerPass: Int

    /// Nil where the configuration names no validation file.
    init?(_ configuration: SFTConfiguration, form: StateForm, chat: ChatEncoder) throws {
        guard let file = configuration.validation else { return nil }
        var all: [Demonstration] = []
        try Demonstration.forEach(in: URL(filePath: file)) { all.append($0) }
        guard all.allSatisfy({ $0.meta.state == form }), !all.isEmpty else {
            throw TrainingError(
                .badData,
                "\(file) holds no demonstrations, or not in the form \(form.rawValue) of the training data.")
        }
        demonstrations = Array(all.prefix(configuration.validationCount))
        examples = demonstrations.map { CausalLM.PackedSequence($0, chat) }
            .filter { $0.tokens.count <= configuration.maxLength && $0.learnedCount > 0 }
        episodes = all.prefix(configuration.validationEpisodes)
        self.form = form
        tokensPerPass = configuration.tokensPerPass
    }

    /// What decides which adapter is best: the loss. Solved episodes and exact commands are what is wanted, but of some
    /// dozens they vary more by chance than from one validation to the next.
    static func score(_ results: [String: Double]) -> Double { -(results["eval_loss"] ?? 0) }

    func measure(
        _ model: CausalLM, _ weights: LoRAWeights, tokenizer: Tokenizer, chat: ChatEncoder, sandbox: PythonSandbox?,
        thread: ComputeThread
    ) async throws -> [String: Double] {
        var results = ["eval_loss": try await thread.run { try loss(model, weights) }]
        // Played with merged weights: what a user of the adapter gets.
        let generator = try await thread.run {
            let merged = try model.merged(with: weights.adapter, precision: .standard(on: model.device))
            return Generator(model: merged, tokenizer: tokenizer, thread: thread)
        }
        let policy = LocalPolicy(name: "validation", generator: generator, chat: chat)
        let first = try await firstCommands(policy)
        let count = Double(first.count)
        results["eval_first/executable"] = Double(first.count { $0.isExecutable }) / count
        results["eval_first/line"] = Double(first.count { $0.hasLine }) / count
        results["eval_first/command"] = Double(first.count { $0.hasCommand }) / count
        results["eval_first/exact"] = Double(first.count { $0.isExact }) / count
        if let sandbox, !episodes.isEmpty {
            results["eval_solved"] = try await solved(policy, sandbox)
        }
        return results
    }

    private func loss(_ model: CausalLM, _ weights: LoRAWeights) throws -> Double {
        var sum = 0.0
        var count = 0
        for pass in examples.passes(limit: tokensPerPass) {
            let values = try model.logProbabilities(pass, lora: weights).floats()
            sum -= values.reduce(0) { $0 + Double($1) }
            count += values.count
        }
        return sum / Double(max(1, count))
    }

    private func firstCommands(_ policy: LocalPolicy) async throws -> [FirstCommand] {
        try await withThrowingTaskGroup(of: FirstCommand?.self) { group in
            for demonstration in demonstrations {
                group.addTask {
                    guard let reference = demonstration.task.reference else { return nil }
                    let prompt = demonstration.messages.prefix { $0.role != .assistant }
                    let session = try await policy.beginSession(
                        messages: prompt.map { ChatMessage(role: $0.role, content: $0.content) },
                        sampling: SamplingParameters(stop: ["\n"]), maxTokens: 96)
                    let text = try await session.respond(within: nil).text
                    await session.end()
                    return FirstCommand(text, program: demonstration.task.program, reference: reference)
                }
            }
            return try await group.reduce(into: []) { if let first = $1 { $0.append(first) } }
        }
    }

    private func solved(_ policy: LocalPolicy, _ sandbox: PythonSandbox) async throws -> Double {
        let runner = EpisodeRunner(
            policy: policy, sandbox: sandbox, options: EpisodeOptions(endsAtFirstPass: true, prompt: form.prompt))
        let count = try await withThrowingTaskGroup(of: Bool.self) { group in
            for demonstration in episodes {
                group.addTask {
                    try await runner.play(demonstration.task, sampling: SamplingParameters(stop: ["\n"])).solved
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        return Double(count) / Double(episodes.count)
    }
}

/// How good a first command is, whichever of several faults it sets out to repair.
struct FirstCommand: Hashable, Sendable {
    /// It can be read, and the program can take it.
    var isExecutable = false
    /// It names a line that must change.
    var hasLine = false
    /// And does with it what must be done: change, delete, or insert.
    var hasCommand = false
    /// The program is one edit closer to its reference.
    var isExact = false

    init(_ text: String, program: String, reference: String) {
        let before = ProgramText(program)
        var after = before
        guard let command = try? Command(parsing: text), command != .exit, (try? after.apply(command)) != nil else {
            return
        }
        isExecutable = true
        let target = ProgramText(reference).lines
        let script = EditScript(from: before.lines, to: target)
        let wanted = script.changes.map { script.command(for: $0, done: []) }
        hasLine = wanted.contains { $0.line == command.line }
        hasCommand = wanted.contains { $0.line == command.line && $0.kind == command.kind }
        isExact = EditScript(from: after.lines, to: target).changes.count < script.changes.count
    }
}

extension Command {
    fileprivate enum Kind { case change, delete, insert, exit }

    fileprivate var kind: Kind {
        switch self {
        case .replace, .substitute: .change
        case .delete: .delete
        case .insert: .insert
        case .exit: .exit
        }
    }
}
