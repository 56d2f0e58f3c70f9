import ArgumentParser
import Episodes
import Foundation
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
    @Option(help: "An adapter folder (PEFT).") var adapter: String?
    @Option(help: "script:FILE replays commands, one a line, instead of a model.") var policy: String?
    @Option(help: "Attempts; the first that passes wins.") var samples = 4
    @Option(help: "Edits in one attempt.") var turns = 10
    @Option(help: "0 takes the likeliest token; further attempts then use 0.7.") var temperature = 0.0
    @Option(help: "The seed of the attempts.") var seed: UInt64 = 0
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
        Interrupt.catchFirst()
        let task = try input.task(prompt: task)
        let result = try await withSandbox { try await repair(task, $0) }
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
        let runner = EpisodeRunner(
            policy: try await loadPolicy(model: model, adapter: adapter, policy: policy), sandbox: sandbox,
            options: EpisodeOptions(
                maxTurns: turns, endsAtFirstPass: true, prompt: Prompt(workedExamples: adapter == nil)))
        Terminal.say(report.headline)
        for sample in 0..<samples where !Interrupt.isRequested {
            if samples > 1 { Terminal.say("Attempt \(sample + 1) of \(samples)") }
            let sampling = SamplingParameters(
                // The likeliest tokens again would give the same attempt again.
                temperature: sample > 0 && temperature == 0 ? 0.7 : temperature, seed: seed &+ UInt64(sample),
                stop: ["\n"])
            let trace = try await runner.play(task, sample: sample, sampling: sampling) { turn, _, report in
                guard let turn else { return }
                let command = turn.command?.description ?? Terminal.paint(turn.completion.text, .grey)
                Terminal.say("  \(command)\n    \(turn.error ?? report.headline)")
            }
            result.attempts.append(trace)
            guard trace.solved else { continue }
            result.repaired = true
            result.diff = unifiedDiff(
                from: task.program, to: trace.finalProgram, oldName: input.file, newName: input.file)
            Terminal.say(Terminal.paint("Repaired.", .green) + "\n" + result.diff)
            if apply { try replaceFile(with: trace.finalProgram) }
            return result
        }
        Terminal.say(Terminal.paint("Not repaired.", .red) + " \(input.file) is as it was.")
        return result
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
