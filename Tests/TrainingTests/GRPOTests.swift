import Foundation
import LanguageModels
import Policies
import PythonRepair
import Runs
import Tensors
import TestSupport
import Testing
import Tokenization
import Tools

@testable import PythonSandbox
@testable import StatefulTools
@testable import Training

/// Whole steps of GRPO on a model of 50,000 weights.
@Suite(.serialized) struct GRPOTests {
    let folder: URL
    let model: String
    let adapter: String
    let data: String

    init() async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "coe-rl-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        model = try byteModelFolder().path(percentEncoded: false)
        let causal = try CausalLM(path: model)
        let weights = try LoRAWeights(LoRAConfiguration(rank: 4, alpha: 8), for: causal, seed: 3)
        let url = folder.appending(path: "start")
        try weights.adapter.write(to: url, baseModel: "tiny")
        try AdapterCard(prompt: .brief, model: "tiny").write(toAdapter: url)
        adapter = url.path(percentEncoded: false)
        let tasks = (1...6).map { number in
            RepairTask(
                id: "t\(number)", prompt: "Return \(number).", program: "def f():\n    return 0",
                tests: .statements(["assert f() == \(number)"]), reference: "def f():\n    return \(number)")
        }
        let file = folder.appending(path: "tasks.jsonl")
        try tasks.reduce(into: Data()) { $0 += try JSONEncoder().encode($1) + [0x0A] }.write(to: file)
        data = file.path(percentEncoded: false)
    }

    /// Under the mask even a model that knows nothing gives commands, and sometimes EXIT.
    func configuration(_ recipe: GRPORecipe) -> RLConfiguration {
        var configuration = RLConfiguration(model: "tiny", adapter: adapter, data: [data], recipe: recipe)
        configuration.steps = 3
        configuration.starts = 2
        configuration.turns = 3
        configuration.maxTokens = 40
        configuration.validation = data
        configuration.validationCount = 2
        configuration.validateEvery = 2
        configuration.optimizer.learningRate = 1e-3
        return configuration
    }

    @discardableResult
    func run(
        _ configuration: RLConfiguration, in name: String, resume: Bool = false, stopAfter: Int = .max,
        loss: (any PolicyLoss)? = nil, observe: @escaping @Sendable (TrainingProgress) -> Void = { _ in }
    ) async throws -> URL {
        let sandbox = try await PythonSandbox()
        let steps = Counter()
        var grpo = GRPO(configuration, folder: folder.appending(path: name), toolbox: .standard, sandbox: sandbox)
        grpo.loss = loss
        do {
            let adapter = try await grpo.run(
                resume: resume, modelPath: model, shouldStop: { steps.count >= stopAfter },
                observe: {
                    if $0.step > 0 { steps.add() }
                    observe($0)
                })
            await sandbox.shutdown()
            return adapter
        } catch {
            await sandbox.shutdown()
            throw error
        }
    }

    func bytes(_ path: String) throws -> Data { try Data(contentsOf: folder.appending(path: path)) }

    @Test(arguments: ["paper", "best"])
    func aStoppedRunEndsWithTheBytesOfOneThatWasNot(preset: String) async throws {
        let configuration = configuration(preset == "paper" ? .paper : .best)
        try await run(configuration, in: "whole")
        await #expect { try await run(configuration, in: "parts", stopAfter: 1) } throws: {
            ($0 as? TrainingError)?.code == .interrupted
        }
        try await run(configuration, in: "parts", resume: true)
        // A finished run goes on with more steps.
        var first = configuration
        first.steps = 1
        try await run(first, in: "more")
        try await run(configuration, in: "more", resume: true)
        // With fewer it has nothing to do, and says so.
        await #expect { try await run(first, in: "more", resume: true) } throws: {
            "\($0)".contains("has done 3 steps already; --steps 1 asks for fewer")
        }
        for (name, file) in [
            ("parts", "adapter_model.safetensors"), ("parts", "optimizer.safetensors"),
            ("more", "adapter_model.safetensors"), ("more", "optimizer.safetensors"),
        ] {
            let same = try bytes("whole/checkpoints/step-3/\(file)") == bytes("\(name)/checkpoints/step-3/\(file)")
            #expect(same, "\(name)/\(file)")
        }
        let traces = try TraceFile(folder: folder.appending(path: "whole")).read()
        #expect(Set(traces.map { $0.sample / 1_000 }) == [1, 2, 3])
    }

    /// Tokens drawn under the mask, at a temperature, and unmasked: the trainer finds the same log-probabilities (a run
    /// stops when it does not).
    @Test(arguments: [(true, 1.0), (true, 0.7), (false, 1.3)])
    func rolloutsAreScoredAsTheyWereDrawn(isConstrained: Bool, temperature: Double) async throws {
        var configuration = configuration(.paper)
        configuration.isConstrained = isConstrained
        configuration.validation = nil
        configuration.temperature = temperature
        configuration.steps = 2
        let differences = Values()
        try await run(configuration, in: "run") { progress in
            if let value = progress.metrics["sampling/logp_difference_max"] { differences.add(value) }
        }
        #expect(differences.all.count == 2)
        #expect(differences.all.allSatisfy { $0 <= 1e-4 })
        // Never exactly equal: merged weights round otherwise.
        #expect(differences.all.contains { $0 > 0 })
    }

    /// An answer that could have been resampled could end as an excluded command; the last sample allowed could not.
    @Test(arguments: [(nil, true), (3, true), (4, false)])
    func onlyTheLastSampleCouldNotEndAsAnExcludedCommand(resamples: Int?, canEnd: Bool) throws {
        let tokenizer = try Tokenizer(modelPath: model)
        let tool = try PythonRepair(
            RepairTask(id: "t", prompt: "", program: "x = 1", tests: .statements(["assert x == 12"])))
        // "x = 1" in place of itself changes nothing.
        let tokens = tokenizer.encode("### REPL 1 >>>x = 12")
        let verdict = Verdict(passed: false, feedback: "", progress: 0)
        let turn = Turn(
            completion: Completion(
                text: "", promptTokenIDs: [1], tokenIDs: tokens, logProbabilities: tokens.map { _ in -1 },
                resamples: resamples),
            command: "### REPL 1 >>>x = 12", effect: .changed, state: "x = 12", verdict: verdict)
        let trace = Trace(
            start: tool, sample: 0, seed: 0, method: "coe", policy: "p", initialVerdict: verdict, turns: [turn],
            exit: .turnLimit)
        let guidance = Guidance(grammar: tool.grammar(allowsExit: true), resamples: 4)
        let experience = Experience(.init(trace: trace, guidance: [guidance]), advantages: [1], tokenizer: tokenizer)
        #expect(experience.states.count == tokens.count && experience.states.last??.canEnd == canEnd)
    }

    @Test(arguments: [nil, Reinforce()]) func whatIsRewardedBecomesLikelier(loss: Reinforce?) async throws {
        // Without EXIT an episode loses half a point, so that giving up at once is best where nothing can be solved.
        var configuration = configuration(.paper)
        configuration.recipe.beta = 0
        configuration.recipe.groupSize = 8
        configuration.starts = 3
        configuration.steps = 12
        configuration.turns = 2
        configuration.validation = nil
        configuration.optimizer.learningRate = 2e-2
        let exits = Values()
        try await run(configuration, in: "run", loss: loss) { exits.add($0.metrics["exit"] ?? 0) }
        let (first, last) = (exits.all.prefix(3).reduce(0, +) / 3, exits.all.suffix(3).reduce(0, +) / 3)
        #expect(last > first + 0.3, "\(exits.all)")
    }

    @Test func imitationLearnsTheKnownRepairWhereAllFail() async throws {
        var recipe = GRPORecipe.best
        recipe.imitation = 1
        var configuration = configuration(recipe)
        configuration.validation = nil
        configuration.steps = 8
        configuration.optimizer.learningRate = 1e-2
        let losses = Values()
        try await run(configuration, in: "run") { losses.add($0.metrics["loss"] ?? 0) }
        #expect(try #require(losses.all.last) < losses.all[0] - 0.5, "\(losses.all)")
    }

    @Test func rolloutsOfOtherWeightsAreRefused() async throws {
        let learner = try Learner(configuration(.paper), modelPath: model, checkpoint: nil, prompt: .brief)
        var experience = Experience(imitating: .init(tokens: [1, 2, 3], mask: [false, true, true]))
        let sequence = experience.sequence
        experience.logProbabilities = try learner.trainer.model.logProbabilities([sequence]).floats()
        experience.advantages = [1, -1]
        experience.states = [nil, nil]
        #expect(try learner.update([[experience]], step: 1, learningRate: 0).isFinite)
        experience.logProbabilities[1] -= 0.01
        #expect { try learner.update([[experience]], step: 2, learningRate: 0) } throws: {
            ($0 as? TrainingError)?.code == .foreignRollouts
        }
    }

    /// Before the first step the ratio is 1, and the clipped surrogate has the gradient of REINFORCE.
    @Test func anotherLossIsAnotherValue() throws {
        func update(_ loss: (any PolicyLoss)?) throws -> [String: Double] {
            let learner = try Learner(
                configuration(.paper), modelPath: model, checkpoint: nil, prompt: .brief, loss: loss)
            var experience = Experience(imitating: .init(tokens: [1, 2, 3], mask: [false, true, true]))
            let values = try learner.trainer.model.logProbabilities([experience.sequence]).floats()
            experience.logProbabilities = values
            experience.advantages = [1, -0.5]
            experience.states = [nil, nil]
            return try learner.update([[experience]], step: 1, learningRate: 0).metrics
        }
        let (clipped, reinforced) = (try update(nil), try update(Reinforce()))
        let norm = try #require(clipped["grad_norm"])
        #expect(norm > 0)
        #expect(abs(norm - (reinforced["grad_norm"] ?? 0)) < 1e-5 * norm)
        #expect(abs((clipped["loss"] ?? 0) + 0.25) < 1e-5)
        #expect(clipped["clip_ratio/low_mean"] == 0 && reinforced["clip_ratio/low_mean"] == nil)
        #expect(reinforced["positive_mean"] == 0.5)
    }

    @Test func theSurrogateIsClippedOnTheSideThatItsAdvantagePullsTo() throws {
        let ratios: [Float] = [1.5, 0.5, 1.5, 0.5]
        let values = try Tensor(ratios.map { log($0) }, shape: [4])
        let tokens = PolicyTokens(
            now: ratios.map { log($0) }, old: [0, 0, 0, 0], advantages: [1, 1, -1, -1], weights: [1, 2, 1, 1])
        let result = try ClippedSurrogate(low: 0.2, high: 0.3).losses(values, tokens)
        let expected: [Float] = [-1.3, -1, 1.5, 0.8]
        #expect(zip(try result.losses.floats(), expected).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(result.counts == ["clip_ratio/low_mean": 1, "clip_ratio/high_mean": 1])
    }

    /// Rollouts in int8, learned from in bfloat16: near, not equal, and other weights are still refused.
    @Test func roundedRolloutsAreCorrected() async throws {
        var configuration = configuration(.paper)
        configuration.precision = .bfloat16
        configuration.rolloutPrecision = .int8
        configuration.steps = 2
        let differences = Values()
        try await run(configuration, in: "run") { progress in
            if let value = progress.metrics["sampling/logp_difference_mean"] { differences.add(value) }
        }
        #expect(differences.all.count == 2)
        #expect(differences.all.allSatisfy { $0 > 0 && $0 < 0.1 }, "\(differences.all)")

        configuration.precision = .float32
        let learner = try Learner(configuration, modelPath: model, checkpoint: nil, prompt: .brief)
        var experience = Experience(imitating: .init(tokens: [1, 2, 3], mask: [false, true, true]))
        let drawn = try learner.trainer.model.logProbabilities([experience.sequence]).floats()
        experience.advantages = [1, 1]
        experience.states = [nil, nil]
        /// The gradient's norm where the rollouts found the tokens `factor` times as likely.
        func norm(_ factor: Float, step: Int) throws -> Double {
            experience.logProbabilities = drawn.map { $0 + log(factor) }
            return try learner.update([[experience]], step: step, learningRate: 0).metrics["grad_norm"] ?? 0
        }
        let exact = try norm(1, step: 1)
        #expect(abs(try norm(1.05, step: 2) / exact - 1 / 1.05) < 1e-3)
        #expect(throws: TrainingError.self) { try norm(3, step: 3) }
    }

    @Test func aWorkerThatDiesDoesNotStopTheRun() async throws {
        let sandbox = try await PythonSandbox()
        let killed = Counter()
        let killer = Task {
            while !Task.isCancelled, killed.count < 4 {
                for pid in await sandbox.busy.values.compactMap(\.pid) {
                    kill(pid, SIGKILL)
                    killed.add()
                }
                try? await Task.sleep(for: .milliseconds(2))
            }
        }
        let adapter = try await GRPO(
            configuration(.paper), folder: folder.appending(path: "run"), toolbox: .standard, sandbox: sandbox
        ).run(resume: false, modelPath: model)
        killer.cancel()
        await sandbox.shutdown()
        #expect(killed.count > 0)
        #expect(FileManager.default.fileExists(atPath: adapter.appending(path: "adapter_config.json").path()))
    }
}

/// Another algorithm: REINFORCE (Williams, 1992), without a ratio and a clip.
struct Reinforce: PolicyLoss {
    let counted = ["positive_mean"]

    func losses(_ logProbabilities: Tensor, _ tokens: PolicyTokens) throws -> PolicyLosses {
        let factors = zip(tokens.weights, tokens.advantages).map { -$0 * $1 }
        let scale = try Tensor(factors, shape: [factors.count]).to(.float32, on: logProbabilities.device)
        let positive = tokens.advantages.count { $0 > 0 }
        return PolicyLosses(try logProbabilities * scale, counts: ["positive_mean": Double(positive)])
    }
}

/// The prompt of a group's sequences is computed once.
@Suite struct SharedPrefixTests {
    @Test(arguments: ["tiny-llama3", "tiny-qwen2"])
    func sharingAPrefixChangesNoGradient(name: String) throws {
        let model = try CausalLM(path: fixture("models/\(name)"))
        let adapter = try LoRAAdapter(path: fixture("training/\(name)-adapter"))
        let prompt = [5, 9, 17, 3, 40, 8, 21]
        let endings = [[7, 11, 2, 30], [12], [7, 4, 4, 19, 33, 6]]
        func sequences(sharing: Bool) -> [CausalLM.PackedSequence] {
            endings.enumerated().map { index, ending in
                // What was read in between is not learned.
                let mask = prompt.map { _ in false } + ending.indices.map { $0 != 2 }
                return .init(
                    tokens: prompt + ending, mask: mask, sharedCount: sharing && index > 0 ? prompt.count : 0)
            }
        }
        func gradients(sharing: Bool, layersPerCheckpoint: Int?) throws -> ([Float], [Float]) {
            let weights = try LoRAWeights(adapter, for: model)
            let result = try model.backpropagate(
                sequences(sharing: sharing), lora: weights, layersPerCheckpoint: layersPerCheckpoint
            ) { values, _ in try values.exp().sum(0) }
            return (result.logProbabilities, try weights.gradients.floats())
        }
        let apart = try gradients(sharing: false, layersPerCheckpoint: nil)
        let largest = apart.1.map(abs).max() ?? 0
        #expect(largest > 0)
        for layers in [nil, 1] {
            let together = try gradients(sharing: true, layersPerCheckpoint: layers)
            #expect(zip(apart.0, together.0).allSatisfy { abs($0 - $1) < 1e-5 })
            #expect(zip(apart.1, together.1).allSatisfy { abs($0 - $1) < 1e-5 * largest })
        }
    }
}

private final class Values: @unchecked Sendable {
    private let lock = NSLock()
    private var values: [Double] = []
    var all: [Double] { lock.withLock { values } }
    func add(_ value: Double) { lock.withLock { values.append(value) } }
}
