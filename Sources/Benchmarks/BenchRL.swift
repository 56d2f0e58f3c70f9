import ArgumentParser
import CommandSupport
import Foundation
import LanguageModels
import ServeCommands
import StatefulTools
import Synchronization
import Tensors
import Tools
import Training

struct BenchRL: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rl",
        abstract: "How many episodes are learned from in an hour, beside TRL's GRPOTrainer on the same tasks.",
        discussion: """
            Example: coe bench rl --data tasks.jsonl --peer-python .venv/bin/python
            The peer needs a Python with torch, transformers, peft, trl and openenv, and scripts/bench-trl-grpo.py; it
            plays on coe serve env, which is started for it.
            """)

    @Option(help: "A set of tasks.") var data: String
    @OptionGroup var model: ModelOptions
    @Option(help: "Steps; the first warms up and is not counted.") var steps = 3
    @Option(help: "Start states a step.") var starts = 2
    @Option(help: "Episodes from one start state.") var group = 4
    @Option(help: .turns) var turns: Int?
    @Option(help: "A Python with TRL and openenv: runs TRL beside this engine.") var peerPython: String?
    @Flag(help: .json) var json = false

    /// The most tokens of one command.
    private static let maxTokens = 48

    private struct Row: Codable {
        var trainer: String
        /// Of the policy and of its rollouts.
        var precision: String
        var secondsPerStep: Double
        var episodesPerHour: Double
        var peakMemoryMB: Int
        /// The mean over all episodes.
        var reward: Double
    }

    func validate() throws {
        if steps < 2 || starts < 1 || group < 2 || (turns ?? 1) < 1 {
            throw ValidationError("--steps and --group must be at least 2, the others at least 1.")
        }
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        let tasks = try Toolbox.standard.load(data, split: .train)
        let choice = try model.choice(for: tasks.toolNames)
        let path = try choice.path
        guard let adapter = choice.adapter else {
            throw UsageError("\(choice.name) comes without an adapter for these tasks: name one as --adapter.")
        }
        let folder = FileManager.default.temporaryDirectory.appending(path: "coe-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }

        // What TRL's trainer does too: every group is kept, no reference policy, one update.
        var recipe = GRPORecipe.paper
        recipe.groupSize = group
        recipe.beta = 0
        recipe.endsAtFirstPass = true
        recipe.rewards.noExit = 0
        var configuration = RLConfiguration(model: choice.name, adapter: adapter, data: [data], recipe: recipe)
        configuration.steps = steps
        configuration.starts = starts
        configuration.turns = turns ?? tasks.mostTurns
        configuration.maxTokens = Self.maxTokens
        configuration.optimizer.learningRate = 1e-5
        configuration.precision = model.base.resolvedPrecision
        configuration.rolloutPrecision = configuration.precision
        var rows: [Row] = []
        // First, while all the memory is free: it takes about 18 GB.
        if let peerPython {
            let server = try EnvironmentProcess([
                "--set", data, "--prompt", "brief", "--turns", "\(configuration.turns)",
            ])
            defer { server.stop() }
            let numbers = [starts, group, configuration.turns, Self.maxTokens, steps, Engine.threadCount]
            let arguments = [server.address, path, adapter] + numbers.map(String.init) + ["1e-05"]
            rows.append(try runPeer(peerPython, "scripts/bench-trl-grpo.py", arguments))
        }
        let metrics = try await train(configuration, path, folder)
        func mean(_ name: String, _ steps: some Collection<[String: Double]>) -> Double {
            steps.reduce(0) { $0 + ($1[name] ?? 0) } / Double(steps.count)
        }
        let seconds = mean("step_time", metrics.dropFirst())
        rows.append(
            Row(
                trainer: "coe", precision: configuration.precision.rawValue, secondsPerStep: seconds,
                episodesPerHour: Double(starts * group) / seconds * 3_600,
                peakMemoryMB: MemoryPeak.megabytes ?? 0, reward: mean("reward", metrics)))
        for row in rows { show(row) }
        if json { try Terminal.printJSON(["rows": rows]) }
    }

    /// The metrics of each step.
    private func train(
        _ configuration: RLConfiguration, _ path: String, _ folder: URL
    ) async throws -> [[String: Double]] {
        MemoryPeak.reset()
        let seen = Mutex<[[String: Double]]>([])
        _ = try await withSandbox { sandbox in
            try await GRPO(configuration, folder: folder, toolbox: .standard, sandbox: sandbox).run(
                resume: false, modelPath: path, shouldStop: { Interrupt.isRequested },
                observe: { step in seen.withLock { $0.append(step.metrics) } })
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
