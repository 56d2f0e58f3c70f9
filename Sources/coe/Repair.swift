import ArgumentParser
import Episodes
import Foundation
import LanguageModels
import LineEditor
import PythonSandbox
import RepairTasks

struct Repair: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Repairs a program until it passes its tests; exit code 0 when it does.",
        discussion: "Example: coe repair median.py --tests test_median.py --apply")

    @OptionGroup var input: UserFile
    @Option(help: "What the program should do, in words.") var task = ""
    @Option(help: "A known model's name or a model file.") var model: String?
    @Option(help: "An adapter folder (PEFT); the model's own when not given, none for no adapter.") var adapter: String?
    @Option(help: "What the model computes in; int8 on a CPU and bfloat16 on a GPU when not given.")
    var precision: Precision?
    @Option(help: "openai:URL#MODEL asks a server, script:FILE replays commands, instead of a model here.")
    var policy: String?
    @Option(help: "Attempts, played side by side; the first that passes wins.") var samples = 8
    @Option(help: "Edits in one attempt.") var turns = 10
    @Option(help: "0 takes the likeliest token; further attempts then use 0.7.") var temperature = 0.0
    @Option(help: "The seed of the attempts.") var seed: UInt64 = 0
    @Flag(help: "Let the model write anything, not only commands that the program can take.") var unconstrained = false
    @Flag(help: "Write the repaired program; the old one stays as FILE.orig.") var apply = false
    @Flag(help: "Print the result as one JSON object on standard output.") var json = false

    func validate() throws {
        if samples < 1 { throw ValidationError("--samples must be at least 1.") }
        if turns < 1 { throw ValidationError("--turns must be at least 1.") }
        if !(temperature >= 0) { throw ValidationError("--temperature must not be negative.") }
    }

    private struct Result: Codable {
        var file: String
        var repaired: Bool
        var alreadyPassed = false
        var attempts: [Trace] = []
        var diff = ""
    }

    func run() async throws {
        startAgainWithSleepingThreads()
        Interrupt.catchFirst()
        let task = try input.task(prompt: task)
        let result = try await withSandbox(input.sandbox) { try await repair(task, $0) }
        if json { try Terminal.printJSON(result) }
        if !result.repaired { throw ExitCode(Interrupt.isRequested ? 130 : 1) }
    }

    private func repair(_ task: RepairTask, _ sandbox: PythonSandbox) async throws -> Result {
        let report = try await input.report(task, sandbox)
        var result = Result(file: input.file, repaired: report.passed, alreadyPassed: report.passed)
        if report.passed {
            Terminal.say("\(input.file) already passes: \(report.headline).")
            return result
        }
        let adapter = resolvedAdapter(adapter, model: model)
        let runner = EpisodeRunner(
            policy: try await loadPolicy(model: model, adapter: adapter, precision: precision, policy: policy),
            sandbox: sandbox,
            options: EpisodeOptions(
                maxTurns: turns, endsAtFirstPass: true, isConstrained: !unconstrained,
                prompt: try prompt(forAdapter: adapter)))
        Terminal.say(report.headline)
        result.attempts = await attempts(runner, task)
        guard let winner = result.attempts.first(where: \.solved) else {
            Terminal.say(Terminal.paint("Not repaired.", .red) + " \(input.file) is as it was.")
            return result
        }
        result.repaired = true
        result.diff = unifiedDiff(
            from: task.program, to: winner.finalProgram, oldName: input.file, newName: input.file)
        Terminal.say(Terminal.paint("Repaired.", .green) + "\n" + result.diff)
        if apply { try replaceFile(with: winner.finalProgram) }
        return result
    }

    /// Plays the attempts side by side until one passes, all have ended, or Ctrl-C.
    private func attempts(_ runner: EpisodeRunner, _ task: RepairTask) async -> [Trace] {
        let isOnly = samples == 1
        let playing = Task {
            await withTaskGroup(of: Trace?.self) { group in
                for sample in 0..<samples {
                    let sampling = SamplingParameters(
                        // The likeliest tokens again would give the same attempt again.
                        temperature: sample > 0 && temperature == 0 ? 0.7 : temperature, seed: seed &+ UInt64(sample),
                        stop: ["\n"])
                    group.addTask {
                        do {
                            return try await runner.play(task, sample: sample, sampling: sampling) { turn, _, report in
                                guard let turn else { return }
                                let name = isOnly ? "" : "[\(sample + 1)] "
                                let command =
                                    turn.command?.description ?? Terminal.paint(turn.completion.text, .grey)
                                Terminal.say("\(name)\(command)\n    \(turn.error ?? report.headline)")
                            }
                        } catch is CancellationError {
                            return nil
                        } catch {
                            Terminal.say(Terminal.paint("Attempt \(sample + 1) broke off: \(error)", .red))
                            return nil
                        }
                    }
                }
                var traces: [Trace] = []
                for await case let trace? in group {
                    traces.append(trace)
                    if trace.solved { group.cancelAll() }
                }
                return traces
            }
        }
        Interrupt.onRequest { playing.cancel() }
        return await playing.value
    }

    /// Keeps the old file under a new name and puts the program in its place in one step.
    private func replaceFile(with program: String) throws {
        let file = URL(filePath: input.file).resolvingSymlinksInPath()
        let manager = FileManager.default
        // An older copy may be the only one of the first program.
        var copy = file.appendingPathExtension("orig")
        var number = 1
        while manager.fileExists(atPath: copy.path(percentEncoded: false)) {
            number += 1
            copy = file.appendingPathExtension("orig\(number)")
        }
        try manager.copyItem(at: file, to: copy)
        let permissions = try manager.attributesOfItem(atPath: file.path(percentEncoded: false))[.posixPermissions]
        try Data(program.utf8).write(to: file, options: .atomic)
        if let permissions {
            try manager.setAttributes([.posixPermissions: permissions], ofItemAtPath: file.path(percentEncoded: false))
        }
        Terminal.say("Written to \(input.file); the old program is in \(copy.lastPathComponent).")
    }
}
