import ArgumentParser
import Episodes
import Foundation
import LanguageModels
import PythonSandbox
import RepairTasks
import Synchronization
import Tensors
import Training

struct BenchRL: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rl",
        abstract: "How many episodes are learned from in an hour, beside TRL's GRPOTrainer on the same tasks.",
        discussion: """
            Example: coe bench rl --data tasks.jsonl --python .venv/bin/python
            The peer needs a Python with torch, transformers, peft, trl and openenv, and scripts/bench-trl-grpo.py; it
            plays on coe serve env, which is started for it.
            """)

    @Option(help: "A file of tasks.") var data: String
    @Option(help: "A known model, a GGUF file or a Hugging Face folder; the adapter's when not given.")
    var model: String?
    @Option(help: "The adapter to begin with; the one that comes with the model when not given.") var adapter: String?
    @Option(help: "Steps; the first warms up and is not counted.") var steps = 3
    @Option(help: "Start states a step.") var groups = 2
    @Option(help: "Episodes from one start state.") var group = 4
    @Option(help: "Turns of an episode.") var maxTurns = 5
    @Option(help: "The most tokens of one command.") var maxTokens = 48
    @Option(help: "Threads of one operation; the number of cores when not given.") var threads: Int?
    @Option(help: "A Python with TRL and openenv, to run the peer.") var python: String?
    @Option(help: "The peer's program.") var peer = "scripts/bench-trl-grpo.py"
    @Flag(help: "Print the figures as one JSON object on standard output.") var json = false

    private struct Row: Codable {
        var trainer: String
        /// Of the learning policy and of the rollouts.
        var precision: String
        var secondsPerStep: Double
        var episodesPerHour: Double
        var peakMemoryMB: Int
        /// The mean over all episodes.
        var reward: Double
    }

    func validate() throws {
        if steps < 2 || groups < 1 || group < 2 || maxTurns < 1 || maxTokens < 1 {
            throw ValidationError("--steps and --group must be at least 2, the others at least 1.")
        }
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        let model = try resolvedModel(model, adapter: adapter)
        let path = try modelPath(model)
        guard let adapter = resolvedAdapter(adapter, model: model) else {
            throw UsageError(description: "\(model) comes without an adapter: give one as --adapter.")
        }
        let folder = FileManager.default.temporaryDirectory.appending(path: "coe-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let count = threads ?? Engine.threadCount
        let rate = 1e-5

        // What TRL's trainer does too: every group is kept, no reference policy, one update.
        var recipe = GRPORecipe.paper
        recipe.groupSize = group
        recipe.beta = 0
        recipe.endsAtFirstPass = true
        recipe.rewards.noExit = 0
        var configuration = RLConfiguration(model: model, adapter: adapter, data: [data], recipe: recipe)
        configuration.steps = steps
        configuration.groups = groups
        configuration.maxTurns = maxTurns
        configuration.maxTokens = maxTokens
        configuration.optimizer.learningRate = rate
        var rows: [Row] = []
        // First, while all the memory is free: it takes some 18 GB.
        if let python {
            let server = try EnvironmentProcess(data, turns: maxTurns)
            defer { server.stop() }
            let numbers = [groups, group, maxTurns, maxTokens, steps, count].map(String.init)
            rows.append(try runPeer(python, peer, [server.address, path, adapter] + numbers + ["\(rate)"]))
            show(rows[rows.count - 1])
        }
        for (precision, rollouts) in [(Precision.float32, Precision.float32), (.bfloat16, .int8)] {
            configuration.precision = precision
            configuration.rolloutPrecision = rollouts
            let metrics = try await train(configuration, path, folder.appending(path: precision.rawValue), count)
            func mean(_ name: String, _ rows: some Collection<[String: Double]>) -> Double {
                rows.reduce(0) { $0 + ($1[name] ?? 0) } / Double(rows.count)
            }
            let seconds = mean("step_time", metrics.dropFirst())
            rows.append(
                Row(
                    trainer: "coe", precision: "\(precision.rawValue)/\(rollouts.rawValue)", secondsPerStep: seconds,
                    episodesPerHour: Double(groups * group) / seconds * 3_600, peakMemoryMB: peakMemoryMB() ?? 0,
                    reward: mean("reward", metrics)))
            show(rows[rows.count - 1])
        }
        if json { try Terminal.printJSON(["rows": rows]) }
    }

    /// The metrics of each step.
    private func train(
        _ configuration: RLConfiguration, _ path: String, _ folder: URL, _ threads: Int
    ) async throws -> [[String: Double]] {
        let thread = ComputeThread()
        try await thread.run { try Engine.setThreadCount(threads) }
        resetPeakMemory()
        let seen = Mutex<[[String: Double]]>([])
        _ = try await withSandbox { sandbox in
            try await GRPO(configuration, folder: folder, sandbox: sandbox, thread: thread).run(
                resume: false, modelPath: path, shouldStop: { Interrupt.isRequested },
                observe: { step in seen.withLock { $0.append(step.metrics) } }
            )
        }
        return seen.withLock { $0 }
    }

    private func show(_ row: Row) {
        Terminal.say(
            String(
                format: "%@ %@: %.1f s a step, %.0f episodes/hour, %d MB, mean reward %.3f", row.trainer, row.precision,
                row.secondsPerStep, row.episodesPerHour, row.peakMemoryMB, row.reward))
    }
}

/// `coe serve env` as a process of its own, with the prompt that the adapters know.
private struct EnvironmentProcess {
    let address: String
    private let process = Process()

    init(_ set: String, turns: Int) throws {
        let output = Pipe()
        process.executableURL = Bundle.main.executableURL
        process.arguments = [
            "serve", "env", "--set", set, "--brief", "--changes-only", "--end-at-pass", "--turns", "\(turns)",
            "--port", "0", "--json",
        ]
        process.standardOutput = output
        try process.run()
        struct Ready: Decodable { var url: String }
        // One line when it is ready; nothing when it could not start.
        let line = output.fileHandleForReading.availableData
        guard let ready = try? JSONDecoder().decode(Ready.self, from: line) else {
            process.terminate()
            throw UsageError(description: "coe serve env did not start; its words are above.")
        }
        address = ready.url
    }

    func stop() {
        process.terminate()
        process.waitUntilExit()
    }
}
