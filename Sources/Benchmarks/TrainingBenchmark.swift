import Demonstrations
import Foundation
import LanguageModels
import Policies
import Tensors
import Tokenization
import Training

/// Times the steps of ``SFT`` on given demonstrations, and hands the same examples, in the same order and with the same
/// initial adapter, to another trainer.
struct TrainingBenchmark: Sendable {
    struct Result: Codable, Sendable {
        /// The mean loss of each step's learned tokens.
        var losses: [Double]
        /// Seconds of each step.
        var seconds: [Double]
        var tokens: Int
        var demonstrations: Int

        /// The first step warms up and is not counted.
        var demonstrationsPerHour: Double {
            let counted = seconds.dropFirst().reduce(0, +)
            return Double(demonstrations) * Double(seconds.count - 1) / Double(seconds.count) / counted * 3_600
        }
        var tokensPerSecond: Double {
            demonstrationsPerHour / 3_600 * Double(tokens) / Double(demonstrations)
        }
    }

    private let configuration: SFTConfiguration
    private let examples: [CausalLM.PackedSequence]
    private let trainer: Trainer

    /// Loads the model and the first `steps · batch` demonstrations that are short enough.
    init(_ configuration: SFTConfiguration, modelPath: String, steps: Int) throws {
        self.configuration = configuration
        let tokenizer = try Tokenizer(modelPath: modelPath)
        var examples: [CausalLM.PackedSequence] = []
        for file in configuration.data where examples.count < steps * configuration.batch {
            try Demonstration.forEach(in: URL(filePath: file)) { demonstration in
                guard examples.count < steps * configuration.batch else { return }
                let chat = try ChatEncoder(tokenizer, for: demonstration.meta.prompt)
                let example = CausalLM.PackedSequence(demonstration, chat)
                if example.tokens.count <= configuration.maxLength, example.learnedCount > 0 {
                    examples.append(example)
                }
            }
        }
        guard examples.count == steps * configuration.batch else {
            throw TrainingError(
                .badData,
                "The benchmark needs \(steps * configuration.batch) demonstrations; there are \(examples.count).")
        }
        self.examples = examples
        trainer = try Trainer(configuration, modelPath: modelPath, checkpoint: nil)
    }

    /// Writes `examples.jsonl` (`input_ids`, `labels` with -100 where nothing is learned) and the initial adapter.
    func writeExamples(to folder: URL) throws {
        struct Line: Encodable {
            var inputIds: [Int]
            var labels: [Int]
        }
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        var text = Data()
        for example in examples {
            let labels = zip(example.tokens, example.mask).map { $1 ? $0 : -100 }
            text += try encoder.encode(Line(inputIds: example.tokens, labels: labels)) + [0x0A]
        }
        try text.write(to: folder.appending(path: "examples.jsonl"))
        try trainer.weights.adapter.write(
            to: folder.appending(path: "adapter"), baseModel: configuration.model)
    }

    /// Takes the steps, with a constant learning rate.
    func run() throws -> Result {
        var result = Result(
            losses: [], seconds: [], tokens: examples.reduce(0) { $0 + $1.tokens.count },
            demonstrations: examples.count)
        let clock = ContinuousClock()
        for start in stride(from: 0, to: examples.count, by: configuration.batch) {
            let begin = clock.now
            let (loss, _) = try trainer.step(
                Array(examples[start..<start + configuration.batch]), number: start / configuration.batch + 1,
                learningRate: configuration.optimizer.learningRate, configuration)
            result.losses.append(loss)
            result.seconds.append((clock.now - begin) / .seconds(1))
        }
        return result
    }
}
