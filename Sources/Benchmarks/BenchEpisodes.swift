import ArgumentParser
import CommandSupport
import Demonstrations
import Foundation
import LanguageModels
import Policies
import PythonSandbox
import ServeCommands
import StatefulTools
import Tokenization
import Tools

struct BenchEpisodes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "episodes",
        abstract: "How fast episodes are played: groups of samples of faulty starter tasks, with the sandbox.",
        discussion: """
            Example: coe bench episodes --peer-python .venv/bin/python --llama-python .venv-llama/bin/python
            The peers get the very same conversations, turn by turn, and write as many tokens; they run the tests in a \
            Python process each.
            """)

    @OptionGroup var model: ModelOptions
    @Option(help: "Tasks.") var tasks = 8
    @Option(help: .samples) var samples = 8
    @OptionGroup var episodes: EpisodeOptionsGroup
    @OptionGroup var peers: PeerOptions
    @Flag(help: .json) var json = false

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
        if tasks < 1 || samples < 1 { throw ValidationError("--tasks and --samples must be at least 1.") }
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        let choice = try model.choice(for: [ToolTask.standardTool])
        let (name, path) = (choice.name, try choice.path)
        let policy = try await LocalPolicy(
            name: name, model: path, adapter: choice.adapter, precision: model.base.precision)
        let (traces, starts, seconds) = try await withSandbox { sandbox in
            let starts = try await faultyStarts(sandbox)
            let player = EpisodePlayer(
                policy: policy, sandbox: sandbox, options: episodes.options(of: starts, prompt: choice.prompt))
            let start = ContinuousClock.now
            let traces = try await play(starts, player)
            return (traces, starts, (ContinuousClock.now - start) / .seconds(1))
        }
        var result = await figures(name, policy, traces, seconds)
        show(result)
        if peers.isAsked {
            let folder = FileManager.default.temporaryDirectory.appending(path: "coe-bench-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.appending(path: "workload.json")
            let workload = EpisodeWorkload(
                traces, starts, samples: samples, tokenizer: policy.generator.tokenizer)
            try JSONEncoder().encode(workload).write(to: file)
            struct Answer: Decodable { var seconds: Double }
            try peers.run("episodes", model: path, argument: file.path(percentEncoded: false)) {
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
    private func faultyStarts(_ sandbox: PythonSandbox) async throws -> [any Tool] {
        let options = LessonOptions(seed: 1, faults: 1...1)
        return try await MadeDemonstrations(count: tasks, options: options, workers: 2, in: sandbox).made
            .map { try Toolbox.standard.start($0.task) }
    }

    /// The traces of all samples of the first task, then of the second, and so on.
    private func play(_ starts: [any Tool], _ player: EpisodePlayer) async throws -> [Trace] {
        try await withThrowingTaskGroup(of: (Int, Trace).self) { [samples] group in
            for (index, start) in starts.enumerated() {
                for sample in 0..<samples {
                    group.addTask {
                        let number = index * samples + sample
                        let sampling = SamplingParameters.commands(temperature: 1, seed: UInt64(number))
                        let trace = try await player.play(start, sample: sample, sampling: sampling)
                        return (number, trace)
                    }
                }
            }
            return try await group.reduce(into: [(Int, Trace)]()) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func figures(_ name: String, _ policy: LocalPolicy, _ traces: [Trace], _ seconds: Double) async -> Result {
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
                sum + (trace.initialVerdict?.seconds ?? 0)
                    + trace.turns.reduce(0) { $0 + ($1.state == nil ? 0 : $1.verdict.seconds) }
            }, draftedTokens: statistics.draftedTokens, acceptedTokens: statistics.acceptedTokens,
            peakMemoryMB: MemoryPeak.megabytes)
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
        Terminal.say("drafted \(result.draftedTokens) tokens; \(result.acceptedTokens) of them came true")
        if let memory = result.peakMemoryMB { Terminal.say("peak memory: \(memory) MB") }
    }
}
