import ArgumentParser
import CommandSupport
import Foundation
import PythonRepair
import PythonSandbox
import ServeCommands
import StatefulTools

struct Repair: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Repairs a program until it passes its tests; exit code 0 when it does.",
        discussion: """
            Example: coe repair median.py --tests test_median.py --apply
            The attempts (--samples) are played side by side, and the first that passes wins. At temperature 0 the others \
            use 0.7.
            """)

    @OptionGroup var input: UserFile
    @Option(help: "What the program should do, in words.") var task = ""
    @OptionGroup var player: PlayerOptions
    @Option(help: .samples) var samples = 8
    @Option(help: .temperature) var temperature = 0.0
    @OptionGroup var episodes: EpisodeOptionsGroup
    @Option(help: .seed) var seed: UInt64 = 0
    @Flag(help: "Write the repaired program; the old one stays as FILE.orig.") var apply = false
    @Flag(help: .json) var json = false

    func validate() throws {
        if samples < 1 { throw ValidationError("--samples must be at least 1.") }
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
        let start = try input.start(prompt: task)
        let result = try await withSandbox(input.sandbox) { try await repair(start, $0) }
        if json { try Terminal.printJSON(result) }
        if !result.repaired { throw ExitCode(Interrupt.isRequested ? 130 : 1) }
    }

    private func repair(_ start: PythonRepair, _ sandbox: PythonSandbox) async throws -> Result {
        let report = try await input.report(start, sandbox)
        var result = Result(file: input.file, repaired: report.passed, alreadyPassed: report.passed)
        if report.passed {
            Terminal.say("\(input.file) already passes: \(Verdict(report).headline).")
            return result
        }
        let (policy, _, prompt) = try await player.player(for: [PythonRepair.name])
        let episodePlayer = EpisodePlayer(
            policy: policy, sandbox: sandbox, options: episodes.options(of: [start], prompt: prompt))
        Terminal.say(Verdict(report).headline)
        result.attempts = await attempts(episodePlayer, start)
        guard let winner = result.attempts.first(where: \.solved) else {
            Terminal.say(Terminal.paint("Not repaired.", .red) + " \(input.file) is as it was.")
            return result
        }
        result.repaired = true
        result.diff = unifiedDiff(
            from: start.state, to: winner.finalState, oldName: input.file, newName: input.file)
        Terminal.say(Terminal.paint("Repaired.", .green) + "\n" + result.diff)
        if apply { try replaceFile(with: winner.finalState) }
        return result
    }

    /// Plays the attempts side by side until one passes, all have ended, or Ctrl-C.
    private func attempts(_ player: EpisodePlayer, _ start: PythonRepair) async -> [Trace] {
        let isOnly = samples == 1
        let playing = Task {
            await withTaskGroup(of: Trace?.self) { group in
                for sample in 0..<samples {
                    let sampling = SamplingParameters.commands(
                        // The likeliest tokens again would give the same attempt again.
                        temperature: sample > 0 && temperature == 0 ? 0.7 : temperature, seed: seed &+ UInt64(sample))
                    group.addTask {
                        do {
                            return try await player.play(start, sample: sample, sampling: sampling) {
                                turn, _, verdict in
                                guard let turn else { return }
                                let name = isOnly ? "" : "[\(sample + 1)] "
                                let command = turn.command ?? Terminal.paint(turn.completion.text, .grey)
                                Terminal.say("\(name)\(command)\n    \(turn.error ?? verdict.headline)")
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
