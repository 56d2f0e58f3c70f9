import ArgumentParser
import Demonstrations
import Foundation
import LanguageModels
import Policies
import RepairTasks
import Synchronization
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

    @Option(help: "A known model's name or a model file.") var model: String?
    @Option(help: "An adapter folder (PEFT).") var adapter: String?
    @Option(help: "What is compared with float32.") var precision = Precision.int8
    @Option(help: "A file of demonstrations (coe data synthesize).") var demonstrations: String?
    @Option(help: "Demonstrations that are read.") var count = 60
    @Flag(help: "Print the figures as one JSON object on standard output.") var json = false

    private struct Result: Codable {
        var model: String
        var adapter: String?
        var precision: Precision
        var demonstrations: Int
        var comparison: PrecisionComparison
        var perplexityChange: Double
    }

    func validate() throws {
        if count < 1 { throw ValidationError("--count must be at least 1.") }
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        let name = try resolvedModel(model, adapter: adapter)
        let (path, adapter, precision) = (try modelPath(name), adapter, precision)
        let tokenizer = try Tokenizer(modelPath: path)
        let examples = try await examples()
        let texts = try examples.map { example in
            let packed = CausalLM.PackedSequence(
                example, try ChatEncoder(tokenizer, for: example.meta.state.prompt))
            return (tokens: packed.tokens, mask: packed.mask)
        }
        let comparison = try await ComputeThread().run {
            let full = try CausalLM(path: path, adapter: adapter)
            let other = try CausalLM(path: path, adapter: adapter, device: .best, precision: precision)
            return try PrecisionComparison(full: full, other: other, texts: texts)
        }
        let result = Result(
            model: name, adapter: adapter, precision: precision, demonstrations: examples.count,
            comparison: comparison, perplexityChange: comparison.perplexityChange)
        Terminal.say(
            String(
                format:
                    "%@, %@ beside float32, %d demonstrations, %d command tokens: perplexity %.4f and %.4f (%+.2f %%), "
                    + "likeliest token the same in %.2f %%",
                name, precision.rawValue, examples.count, comparison.tokens, comparison.perplexity[0],
                comparison.perplexity[1], 100 * comparison.perplexityChange, 100 * comparison.greedyAgreement))
        if json { try Terminal.printJSON(result) }
        if comparison.perplexityChange > 0.01 { throw ExitCode(1) }
    }

    private func examples() async throws -> [Demonstration] {
        let count = count
        if let demonstrations {
            var examples: [Demonstration] = []
            try Demonstration.forEach(in: URL(filePath: demonstrations)) {
                if examples.count < count { examples.append($0) }
            }
            return examples
        }
        let tasks = try TaskSet.load("starter", split: .train)
        return try await withSandbox { sandbox in
            let options = SynthesisOptions(seed: 1, family: .mixed, faults: 1...3, recovery: 0.2, state: .compact)
            let made = Mutex<[Demonstration]>([])
            try await Synthesizer(tasks: tasks, options: options, sandbox: sandbox).run(workers: 2) { index, one in
                made.withLock { made in
                    if let one { made.append(one) }
                    return made.count < count && index < 20 * count
                }
            }
            return made.withLock { $0 }
        }
    }
}
