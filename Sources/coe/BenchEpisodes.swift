import ArgumentParser
import Demonstrations
import Episodes
import Foundation
import LanguageModels
import LineEditor
import Policies
import PythonSandbox
import RepairTasks
import Synchronization
import Tensors
import Tokenization

struct BenchEpisodes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "episodes",
        abstract: "How fast episodes are played: groups of samples of faulty starter tasks, with the sandbox.",
        discussion: """
            Example: coe bench episodes --python .venv/bin/python --llama-python .venv-llama/bin/python
            The peers get the very same conversations, turn by turn, and write as many tokens; they run the tests in a \
            Python process each.
            """)

    @Option(help: "A known model's name or a GGUF file.") var model: String?
    @Option(help: "An adapter folder (PEFT); the peers run without it.") var adapter: String?
    @Option(help: "What the model computes in; int8 on a CPU and bfloat16 on a GPU when not given.")
    var precision: Precision?
    @Option(help: "Tasks.") var tasks = 8
    @Option(help: "Samples of each task, which begin alike.") var group = 8
    @Option(help: "Turns of an episode.") var turns = 10
    @Option(help: "Threads of one operation; the number of cores when not given.") var threads: Int?
    @Flag(help: "Let the model write anything, not only commands that the program can take.") var unconstrained = false
    @OptionGroup var peers: PeerOptions
    @Flag(help: "Print the figures as one JSON object on standard output.") var json = false

    private struct Result: Codable {
        var model: String
        var precision: Precision
        var episodes: Int
        var turns: Int
        var tokensRead: Int
        var tokensWritten: Int
        var seconds: Double
        var episodesPerSecond: Double
        /// Where the time went: seconds of the model's thread, and beside them those of the sandbox's processes.
        var phases: PhaseSeconds
        var tokenizing: Double
        var waiting: Double
        var sandbox: Double
        var draftedTokens: Int
        var acceptedTokens: Int
        var peakMemoryMB: Int?
        /// Seconds of the peers on the same conversations.
        var peers: [String: Double] = [:]
    }

    func validate() throws {
        for (name, value) in [("--tasks", tasks), ("--group", group), ("--turns", turns)] where value < 1 {
            throw ValidationError("\(name) must be at least 1.")
        }
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        let name = try resolvedModel(model, adapter: adapter)
        let path = try modelPath(name)
        let policy = try await LocalPolicy(name: name, model: path, adapter: adapter, precision: precision)
        if let threads { try await policy.generator.setThreadCount(threads) }
        let (traces, faulty, seconds) = try await withSandbox { sandbox in
            let faulty = try await faultyTasks(sandbox)
            let runner = EpisodeRunner(
                policy: policy, sandbox: sandbox,
                options: EpisodeOptions(
                    maxTurns: turns, endsAtFirstPass: true, isConstrained: !unconstrained,
                    prompt: try prompt(forAdapter: adapter)))
            let start = ContinuousClock.now
            let traces = try await withThrowingTaskGroup(of: (Int, Trace).self) { [group] tasks in
                for (index, task) in faulty.enumerated() {
                    for sample in 0..<group {
                        tasks.addTask {
                            let seed = UInt64(index * group + sample)
                            let sampling = SamplingParameters(temperature: 1, seed: seed, stop: ["\n"])
                            return (Int(seed), try await runner.play(task, sample: sample, sampling: sampling))
                        }
                    }
                }
                return try await tasks.reduce(into: [(Int, Trace)]()) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
            }
            return (traces, faulty, (ContinuousClock.now - start) / .seconds(1))
        }
        var result = await result(name, policy, traces, seconds)
        show(result)
        if peers.isAsked {
            let folder = FileManager.default.temporaryDirectory.appending(path: "coe-bench-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.appending(path: "workload.json")
            try JSONEncoder().encode(workload(traces, faulty, policy.generator.tokenizer)).write(to: file)
            struct Answer: Decodable { var seconds: Double }
            try peers.run("episodes", model: path, argument: file.path(percentEncoded: false), threads: threads) {
                (peer, answer: Answer) in
                result.peers[peer] = answer.seconds
                Terminal.say(
                    String(
                        format: "%@: %.1f s for the same conversations, %.1f times as long", peer, answer.seconds,
                        answer.seconds / seconds))
            }
        }
        if json { try Terminal.printJSON(result) }
    }

    /// Starter tasks with one fault each.
    private func faultyTasks(_ sandbox: PythonSandbox) async throws -> [RepairTask] {
        let (all, count) = (try TaskSet.load("starter", split: .train), tasks)
        let made = Mutex<[RepairTask]>([])
        try await Synthesizer(
            tasks: all, options: SynthesisOptions(seed: 1, family: .mixed, faults: 1...1), sandbox: sandbox
        ).run(workers: 2) { index, one in
            made.withLock { made in
                if let one { made.append(one.task) }
                return made.count < count && index < 20 * count
            }
        }
        return made.withLock { $0 }
    }

    private func result(_ name: String, _ policy: LocalPolicy, _ traces: [Trace], _ seconds: Double) async -> Result {
        let completions = traces.flatMap(\.turns).map(\.completion)
        let statistics = await policy.generator.currentStatistics
        let (generator, phases) = (policy.generator, policy.generator.model.phases)
        let texts = completions.map { generator.tokenizer.decode($0.promptTokenIDs) }
        let tokenizing = ContinuousClock().measure { for text in texts { _ = generator.tokenizer.encode(text) } }
        let busy = phases.products + phases.attention + phases.rest + phases.sampling
        return Result(
            model: name, precision: generator.model.precision, episodes: traces.count, turns: completions.count,
            tokensRead: completions.reduce(0) { $0 + $1.promptTokenIDs.count },
            tokensWritten: completions.reduce(0) { $0 + $1.tokenIDs.count }, seconds: seconds,
            episodesPerSecond: Double(traces.count) / seconds, phases: phases, tokenizing: tokenizing / .seconds(1),
            waiting: max(0, seconds - busy),
            sandbox: traces.reduce(0) { sum, trace in
                sum + (trace.initialReport?.seconds ?? 0) + trace.turns.reduce(0) { $0 + $1.report.seconds }
            }, draftedTokens: statistics.draftedTokens, acceptedTokens: statistics.acceptedTokens,
            peakMemoryMB: peakMemoryMB())
    }

    private func show(_ result: Result) {
        Terminal.say(
            String(
                format:
                    "%@ in %@: %d episodes, %d turns, %d tokens read and %d written in %.1f s: %.2f episodes a second",
                result.model, result.precision.rawValue, result.episodes, result.turns, result.tokensRead,
                result.tokensWritten, result.seconds, result.episodesPerSecond))
        let phases = result.phases
        for (name, seconds) in [
            ("matrix products", phases.products), ("attention", phases.attention), ("rest of the model", phases.rest),
            ("sampling and grammar", phases.sampling), ("waiting for the sandbox and all else", result.waiting),
            ("beside it: sandbox processes", result.sandbox), ("within it: tokenising", result.tokenizing),
        ] {
            Terminal.say(String(format: "  %5.1f %%  %.2f s  %@", 100 * seconds / result.seconds, seconds, name))
        }
        Terminal.say("drafted \(result.draftedTokens) tokens, of which \(result.acceptedTokens) came true")
        if let memory = result.peakMemoryMB { Terminal.say("peak memory: \(memory) MB") }
    }

    // MARK: The same for the peers

    private struct Workload: Encodable {
        struct Turn: Encodable {
            var prompt: [Int]
            var text: String
            var written: [Int]
            var answer: String
            /// A program that runs the tests, as plain Python.
            var script: String
        }

        var groups: [[[Turn]]] = []
    }

    private func workload(_ traces: [Trace], _ tasks: [RepairTask], _ tokenizer: Tokenizer) throws -> Workload {
        var workload = Workload()
        for (index, task) in tasks.enumerated() {
            let episodes = traces[index * group..<(index + 1) * group].map { trace -> [Workload.Turn] in
                var program = ProgramText(trace.initialProgram)
                return trace.turns.map { turn in
                    if let command = turn.command { try? program.apply(command) }
                    let completion = turn.completion
                    return Workload.Turn(
                        prompt: completion.promptTokenIDs, text: tokenizer.decode(completion.promptTokenIDs),
                        written: completion.tokenIDs, answer: tokenizer.decode(completion.tokenIDs),
                        script: script(task, program.text))
                }
            }
            workload.groups.append(episodes)
        }
        return workload
    }

    /// The program and its tests as one file.
    private func script(_ task: RepairTask, _ program: String) -> String {
        guard case .statements(let statements) = task.tests else { return program }
        return ([task.prelude ?? "", program, task.setup ?? ""] + statements).joined(separator: "\n")
    }
}
