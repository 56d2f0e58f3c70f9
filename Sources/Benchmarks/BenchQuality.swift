import ArgumentParser
import CommandSupport
import Demonstrations
import Foundation
import LanguageModels
import Policies
import ServeCommands
import StatefulTools
import Tensors
import Tokenization
import Training

struct BenchQuality: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quality",
        abstract: "What a faster precision costs: perplexity and greedy choices on demonstrations, beside float32.",
        discussion: """
            Without --demonstrations some are made of the bundled starter tasks. Only the commands count, as in training.
            Exit code 1 when the perplexity is more than 1 % worse.
            """)

    @OptionGroup var model: ModelOptions
    @Option(help: "A file of demonstrations (coe data synthesize); the first 60 are read.") var demonstrations: String?
    @Flag(help: .json) var json = false

    private static let count = 60

    private struct Result: Codable {
        var model: String
        var adapter: String?
        var precision: Precision
        var demonstrations: Int
        var comparison: PrecisionComparison
        var perplexityChange: Double
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        let examples = try await examples()
        let choice = try model.choice(for: Set(examples.map(\.task.tool)))
        let (path, precision) = (try choice.path, model.base.resolvedPrecision)
        let tokenizer = try Tokenizer(modelPath: path)
        let texts = try examples.map { example in
            let packed = CausalLM.PackedSequence(example, try ChatEncoder(tokenizer, for: example.meta.prompt))
            return (tokens: packed.tokens, mask: packed.mask)
        }
        let comparison = try await ComputeThread().run {
            let full = try CausalLM(path: path, adapter: choice.adapter)
            let other = try CausalLM(path: path, adapter: choice.adapter, device: .best, precision: precision)
            return try PrecisionComparison(full: full, other: other, texts: texts)
        }
        let result = Result(
            model: choice.name, adapter: choice.adapter, precision: precision, demonstrations: examples.count,
            comparison: comparison, perplexityChange: comparison.perplexityChange)
        Terminal.say(
            String(
                format:
                    "%@, %@ beside float32, %d demonstrations, %d command tokens: perplexity %.4f and %.4f (%+.2f %%), "
                    + "likeliest token the same in %.2f %%",
                choice.name, precision.rawValue, examples.count, comparison.tokens, comparison.perplexity[0],
                comparison.perplexity[1], 100 * comparison.perplexityChange, 100 * comparison.greedyAgreement))
        if json { try Terminal.printJSON(result) }
        if comparison.perplexityChange > 0.01 { throw ExitCode(1) }
    }

    private func examples() async throws -> [Demonstration] {
        if let demonstrations {
            var examples: [Demonstration] = []
            try Demonstration.forEach(in: URL(filePath: demonstrations)) {
                if examples.count < Self.count { examples.append($0) }
            }
            return examples
        }
        return try await withSandbox { sandbox in
            let options = LessonOptions(seed: 1, faults: 1...3, recovery: 0.2, prompt: .compact)
            return try await MadeDemonstrations(count: Self.count, options: options, workers: 2, in: sandbox).made
        }
    }
}
