import ArgumentParser
import Episodes
import Evaluation
import Foundation
import LanguageModels
import PythonSandbox
import RepairTasks

struct Eval: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures pass@k of a model on a set of faulty programs.",
        discussion: """
            Example: coe eval --set tasks.jsonl.gz --method coe --samples 4 --temperature 0.7 --out runs/first
            The same command goes on where an earlier one stopped.
            """)

    @Option(help: "A file of tasks, one JSON object a line, plain or .gz.") var set: String
    @Option(help: "coe or direct.") var method = EvaluationMethod.coe
    @Option(help: "A known model's name or a model file.") var model: String?
    @Option(help: "An adapter folder (PEFT).") var adapter: String?
    @Option(help: "What the model computes in; int8 on a CPU and bfloat16 on a GPU when not given.")
    var precision: Precision?
    @Option(help: "script:FILE replays commands, one a line, instead of a model.") var policy: String?
    @Option(help: "Episodes a task.") var samples = 1
    @Option(help: "0 takes the likeliest token.") var temperature = 0.0
    @Option(help: "Play only the first N tasks.") var limit: Int?
    @Option(help: "The seed of the run.") var seed: UInt64 = 0
    @Option(help: "The run folder.") var out: String
    @Option(help: "Episodes at the same time.") var concurrency = 8
    @OptionGroup var sandbox: SandboxOptions
    @Flag(help: "Hold the model to commands that the program can take.") var constrained = false
    @Flag(help: "Go on after the tests pass, until the model says EXIT, as in the paper.") var untilExit = false
    @Flag(help: "Print the figures as one JSON object on standard output.") var json = false

    func validate() throws {
        if samples < 1 { throw ValidationError("--samples must be at least 1.") }
        if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
        if concurrency < 1 { throw ValidationError("--concurrency must be at least 1.") }
        if !(temperature >= 0) { throw ValidationError("--temperature must not be negative.") }
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        Interrupt.catchFirst()
        let tasks = try RepairTask.load(from: URL(filePath: set), limit: limit)
        if tasks.isEmpty { throw UsageError(description: "\(set) holds no tasks.") }
        do {
            let summary = try await withSandbox(sandbox.configuration) { sandbox in
                let policy = try await loadPolicy(model: model, adapter: adapter, precision: precision, policy: policy)
                let configuration = EvaluationConfiguration(
                    set: URL(filePath: set).lastPathComponent, method: method, model: policy.name, adapter: adapter,
                    samples: samples, temperature: temperature, limit: limit, seed: seed,
                    options: EpisodeOptions(
                        endsAtFirstPass: !untilExit, isConstrained: constrained,
                        prompt: Prompt(workedExamples: adapter == nil)))
                return try await Evaluation(configuration, policy: policy, sandbox: sandbox, concurrency: concurrency)
                    .run(tasks, folder: URL(filePath: out), shouldStop: { Interrupt.isRequested }) {
                        trace, done, total in
                        let verdict = trace.solved ? Terminal.paint("solved", .green) : "not solved"
                        Terminal.say(
                            "\(done)/\(total) \(trace.task) #\(trace.sample) \(verdict) (\(trace.exit.rawValue))")
                    }
            }
            for (index, pass) in summary.pass.enumerated() {
                func percent(_ value: Double) -> String { String(format: "%.1f", 100 * value) }
                Terminal.say(
                    "pass@\(index + 1) \(percent(pass.mean)) % (95 %: \(percent(pass.low)) to \(percent(pass.high)))")
            }
            if json { try Terminal.printJSON(summary.json) }
        } catch let error as EvaluationError where error.code == .interrupted {
            Terminal.say(error.description)
            throw ExitCode(130)
        }
    }
}
