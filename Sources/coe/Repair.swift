import ArgumentParser
import CommandSupport
import Foundation
import PythonRepair
import PythonSandbox
import ServeCommands
import StatefulTools
import UserRepair
import UserRunner

struct Repair: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Repairs a program until it passes its tests; exit code 0 when it does.",
        discussion: """
            Examples:
              coe repair median.py --tests test_median.py --apply
              coe repair src/shop/cart.py --tests tests --function total
            The attempts (--samples) are played side by side, and the smallest repair that passes wins. At temperature 0 \
            the others use 0.7. When none passes, a search goes on from their states until the time limit. Exit code 1: not repaired; 2: the program or the tests can't be used.
            """)

    @OptionGroup var tests: TestOptions
    @Option(help: "What the program should do, in words; its docstring when not given.") var task = ""
    @Option(help: "Change this function or class only.") var function: String?
    @Option(help: "Change these lines only, such as 10-25.") var lines: String?
    @Option(help: "Seconds after which the attempts end.") var timeLimit = 60.0
    @OptionGroup var player: PlayerOptions
    @Option(help: .samples) var samples = 8
    @Option(help: .temperature) var temperature = 0.0
    @OptionGroup var episodes: EpisodeOptionsGroup
    @Option(help: .seed) var seed: UInt64 = 0
    @Flag(help: "Show each edit.") var verbose = false
    @Flag(help: "Write the repaired program; the old one stays as FILE.orig.") var apply = false
    @Flag(help: "Keep the model loaded, and repair again whenever FILE or its tests change.") var watch = false
    @Flag(help: .json) var json = false

    func validate() throws {
        if samples < 1 { throw ValidationError("--samples must be at least 1.") }
        if !(temperature >= 0) { throw ValidationError("--temperature must not be negative.") }
        if !(timeLimit > 0) { throw ValidationError("--time-limit must be positive.") }
        if function != nil, lines != nil { throw ValidationError("--function and --lines exclude each other.") }
        if watch, apply { throw ValidationError("--watch leaves FILE to you: leave --apply out.") }
        if tests.judge == .strict, function != nil || lines != nil {
            throw ValidationError("--function and --lines go with --judge user.")
        }
        _ = try wishes
    }

    /// What the user says about the repair.
    var wishes: RepairStart.Wishes {
        get throws {
            guard let lines else { return RepairStart.Wishes(task: task, function: function) }
            let parts = lines.split(separator: "-", maxSplits: 1).map { Int($0) }
            guard let first = parts.first ?? nil, let last = parts.last ?? nil, first >= 1, last >= first else {
                throw ValidationError("--lines takes two line numbers, such as 10-25.")
            }
            return RepairStart.Wishes(task: task, lines: first...last)
        }
    }

    func run() async throws {
        Interrupt.stopAtOnce()
        try await player.prepare()
        let model = WarmPlayer(player)
        guard watch else { return try await repairOnce(model) }
        try await RepairWatch(command: self).run { try await repairOnce(model) }
    }

    /// One repair, with its result on standard output.
    ///
    /// - Throws: `ExitCode` where FILE does not pass in the end.
    private func repairOnce(_ model: WarmPlayer) async throws {
        let begin = ContinuousClock.now
        var result = RepairResult(file: tests.file, judge: tests.judge.rawValue)
        var code = ExitCode(1)
        do {
            try await withUsableTests {
                do {
                    try await tests.judge == .user ? repairAsUser(model, &result) : repairStrictly(model, &result)
                } catch {
                    (result.error, result.exitCode) = ("\(error)", 2)
                    throw error
                }
            }
        } catch let failure as ExitCode {
            code = failure
        }
        result.passed = result.repaired || result.alreadyPassed
        result.seconds = (ContinuousClock.now - begin) / .seconds(1)
        if json { try Terminal.printJSON(result) }
        if !result.passed || result.error != nil { throw code }
    }

    func attempts(until deadline: ContinuousClock.Instant) -> RepairAttempts {
        RepairAttempts(
            samples: samples, temperature: temperature, seed: seed, isVerbose: verbose, deadline: deadline)
    }

    private func repairAsUser(_ model: WarmPlayer, _ result: inout RepairResult) async throws {
        let program = try UserProgram(reading: tests.file)
        if apply, let obstacle = program.obstacle { throw UserProgramError(obstacle) }
        var configuration = try tests.runnerConfiguration(program)
        configuration.workers = min(2, ProcessInfo.processInfo.activeProcessorCount)
        let runner = try await UserRunner(configuration)
        do {
            try await UserRepairRun(command: self, program: program, runner: runner, model: model).run(&result)
        } catch {
            await runner.shutdown()
            throw error
        }
        await runner.shutdown()
    }

    /// The strict judge decides; there are no warnings and no tests that are kept back.
    private func repairStrictly(_ model: WarmPlayer, _ result: inout RepairResult) async throws {
        let program = try UserProgram(reading: tests.file)
        if apply, let obstacle = program.obstacle { throw UserProgramError(obstacle) }
        let file = StrictFile(tests)
        let start = try file.start(prompt: task)
        let sandbox = try await PythonSandbox(tests.sandbox)
        do {
            let report = try await file.report(start, sandbox)
            Terminal.say(Verdict(report).headline)
            if report.passed {
                result.alreadyPassed = true
            } else {
                let (policy, prompt) = try await model.load()
                let player = EpisodePlayer(
                    policy: policy, sandbox: sandbox, options: episodes.options(of: [start], prompt: prompt))
                let log = AttemptLog()
                result.attempts = await attempts(until: .now + .seconds(timeLimit)).play(player, [start], log)
                let smallest = log.solved.min {
                    program.distance(to: $0) < program.distance(to: $1)
                }
                if let smallest {
                    result.by = "model"
                    try accept(smallest, program, &result)
                } else {
                    Terminal.say(Terminal.paint("Not repaired.", .red) + " \(tests.file) is as it was.")
                }
            }
        } catch {
            await sandbox.shutdown()
            throw error
        }
        await sandbox.shutdown()
    }

    /// Shows a repair, and writes it where the user wants that.
    func accept(_ repaired: String, _ program: UserProgram, _ result: inout RepairResult) throws {
        result.repaired = true
        result.program = repaired
        result.diff = unifiedDiff(from: program.text, to: repaired, oldName: tests.file, newName: tests.file)
        Terminal.say(Terminal.paint("Repaired.", .green))
        // A patch, for `> fix.patch` too.
        Terminal.show(result.diff.hasSuffix("\n") ? String(result.diff.dropLast()) : result.diff, json: json)
        guard apply else { return }
        let copy = try program.replace(with: repaired)
        Terminal.say("Written to \(tests.file); the old program is in \(copy).")
    }
}
