import ArgumentParser
import Demonstrations
import Foundation
import PythonRepair
import ServeCommands
import StatefulTools
import Tools

struct DataSynthesize: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "synthesize",
        abstract: "Makes demonstrations: start states and the commands that solve them.",
        discussion: """
            Examples:
              coe data synthesize --from mbpp --count 35000 --corruptions mixed --recovery 0.2 --out demos.jsonl
              coe data synthesize --tool countdown --count 2000 --out games.jsonl
            The same command goes on where an earlier one stopped. The seed alone decides what is made.
            """)

    @Option(help: "The tool to demonstrate.") var tool = ToolTask.standardTool
    @Option(
        help: """
            starter, a fetched data set, an MBPP file, or a task file; NAME:SPLIT names a split, train when not given. The \
            tool's own set when not given. Repeatable.
            """) var from: [String] = []
    @Option(help: "How many demonstrations the file is to hold.") var count = 1_000
    @Option(help: "Where the faults of programs come from: paper, tree or mixed.") var corruptions = "mixed"
    @Flag(help: "No corruptions: the way from each task's own faulty program to its reference.") var pairs = false
    @Option(
        help: """
            With --pairs: correct programs (references) of tasks with the same tests; the nearest is the reference of each \
            faulty one. Repeatable.
            """) var nearest: [String] = []
    @Option(help: "With --nearest: leave out a program that is more characters away.") var within = 70
    @Option(help: "The most faults of a program.") var maxFaults = 5
    @Option(
        help: """
            Wrong steps to recover from: the share of demonstrations with one (programs), or the chance before each step \
            (other tools).
            """) var recovery = 0.0
    @Option(help: "How the episode is shown: paper, compact, compact-diff, brief or plain.")
    var prompt = PromptStyle.brief
    @Option(help: .seed) var seed: UInt64 = 0
    @Option(help: "A task set (of MBPP, its test split) that must not be trained on, nor its like; repeatable.")
    var without: [String] = []
    @Option(help: "The file to write.", completion: .file()) var out: String
    @Flag(help: .json) var json = false

    func validate() throws {
        if count < 1 { throw ValidationError("--count must be at least 1.") }
        if !(1...9).contains(maxFaults) { throw ValidationError("--max-faults must be 1 to 9.") }
        if !(0...1).contains(recovery) { throw ValidationError("--recovery is a share from 0 to 1.") }
        if !nearest.isEmpty, !pairs { throw ValidationError("--nearest needs --pairs.") }
        if within < 1 { throw ValidationError("--within must be at least 1.") }
    }

    func run() async throws {
        let type = try Toolbox.standard.tool(tool)
        let options = LessonOptions(
            seed: seed, family: pairs ? nil : corruptions, faults: 1...maxFaults, recovery: recovery, prompt: prompt)
        let writer = try DemonstrationWriter(out, options: options, json: json)
        if writer.holds(count) { return }
        let loaded = try (from.isEmpty ? [tool] : from).flatMap { try Toolbox.standard.load($0, split: .train) }
        if let other = loaded.first(where: { Swift.type(of: $0).name != tool }) {
            let name = Swift.type(of: other).name
            throw UsageError("\(other.id) is a task of the tool \(name); say --tool \(name).")
        }
        var tasks = try await DataCommand.leavingOut(without, from: loaded)
        if !nearest.isEmpty { tasks = try await withNearestReferences(tasks) }
        try await writer.write { sandbox in
            let checking = ProgressLine("references")
            let teacher = try await type.teacher(of: tasks, options, in: sandbox) { checking.show($0, of: $1) }
            for (task, why) in teacher.unusable.prefix(10) { Terminal.say("\(task) is left out: \(why).") }
            if teacher.unusable.count > 10 { Terminal.say("… and \(teacher.unusable.count - 10) more.") }
            let patience = max(1_000, 20 * tasks.count)
            return (
                Synthesizer(teacher, options: options, sandbox: sandbox), .demonstrations(count, patience: patience),
                teacher.unusable.count
            )
        }
    }

    private func withNearestReferences(_ tasks: [any Tool]) async throws -> [any Tool] {
        // What must not be trained on must not come in as a reference either.
        let correct = try await DataCommand.leavingOut(
            without, from: nearest.flatMap { try Toolbox.standard.load($0, split: .train) })
        let passing = Dictionary(grouping: try DataCommand.repairs(correct), by: \.tests)
            .mapValues { $0.compactMap(\.reference) }
        let near = try DataCommand.repairs(tasks).compactMap { $0.nearestReference(in: passing, within: within) }
        Terminal.say("\(near.count) of \(tasks.count) programs are within \(within) characters of a correct one.")
        if near.isEmpty {
            throw ToolTaskError(
                .nothingUsable, "no program has a correct one of the same tests near it; try a larger --within")
        }
        return try near.map { try PythonRepair($0) }
    }
}
