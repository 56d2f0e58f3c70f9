import ArgumentParser
import Demonstrations
import Foundation
import RepairTasks

struct DataSynthesize: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "synthesize",
        abstract: "Makes demonstrations: faults in correct programs and the commands that repair them.",
        discussion: """
            Example: coe data synthesize --from mbpp --count 35000 --corruptions mixed --recovery 0.2 --out demos.jsonl
            The same command goes on where an earlier one stopped. The seed alone decides what is made.
            """)

    @Option(help: "starter, a fetched data set, an MBPP file, or a task file; repeatable.") var from: [String] = [
        "starter"
    ]
    @Option(help: "Of MBPP, the tasks of this split.") var split = MBPP.Split.train
    @Option(help: "How many demonstrations the file is to hold.") var count = 1_000
    @Option(help: "Where faults come from: paper, tree or mixed.") var corruptions = CorruptionFamily.mixed
    @Flag(help: "No corruptions: the way from each task's own faulty program to its reference.") var pairs = false
    @Option(
        help: """
            With --pairs: correct programs (references) of tasks with the same tests; the nearest is the reference of each \
            faulty one. Repeatable.
            """) var nearest: [String] = []
    @Option(help: "With --nearest: leave out what is more characters away.") var within = 70
    @Option(help: "The fewest faults of a program.") var minFaults = 1
    @Option(help: "The most faults of a program.") var maxFaults = 5
    @Option(help: "The share of demonstrations with a wrong edit and its repair.") var recovery = 0.0
    @Option(help: "How the state is shown: paper, compact, compact-diff, brief or plain.") var state = StateForm.compact
    @Option(help: "The seed.") var seed: UInt64 = 0
    @Option(help: "Demonstrations made at the same time; the number of cores when not given.") var workers: Int?
    @Option(help: "A task set (of MBPP, its test split) that must not be trained on, nor its like; repeatable.")
    var without: [String] =
        []
    @Option(help: "The file to write.") var out: String
    @Flag(help: "Print the figures as one JSON object on standard output.") var json = false

    func validate() throws {
        if count < 1 { throw ValidationError("--count must be at least 1.") }
        if minFaults < 1 || maxFaults < minFaults || maxFaults > 9 {
            throw ValidationError("--min-faults and --max-faults must be 1 to 9, the second no less than the first.")
        }
        if !(0...1).contains(recovery) { throw ValidationError("--recovery is a share from 0 to 1.") }
        if !nearest.isEmpty, !pairs { throw ValidationError("--nearest needs --pairs.") }
        if within < 1 { throw ValidationError("--within must be at least 1.") }
        if let workers, workers < 1 { throw ValidationError("--workers must be at least 1.") }
    }

    func run() async throws {
        let options = SynthesisOptions(
            seed: seed, family: pairs ? nil : corruptions, faults: minFaults...maxFaults, recovery: recovery,
            state: state)
        let writer = try DemonstrationWriter(out, options: options, workers: workers, json: json)
        if writer.holds(count) { return }
        var tasks = try await TaskSet.leavingOut(without, from: from.flatMap { try TaskSet.load($0, split: split) })
        if !nearest.isEmpty { tasks = try await withNearestReferences(tasks) }
        try await writer.write { sandbox in
            let checking = ProgressLine("references")
            let synthesizer = try await Synthesizer(tasks: tasks, options: options, sandbox: sandbox) {
                checking.show($0, of: $1)
            }
            for (task, why) in synthesizer.unusable.prefix(10) { Terminal.say("\(task) is left out: \(why).") }
            if synthesizer.unusable.count > 10 { Terminal.say("… and \(synthesizer.unusable.count - 10) more.") }
            let patience = max(1_000, 20 * tasks.count)
            return (synthesizer, .demonstrations(count, patience: patience), synthesizer.unusable.count)
        }
    }

    private func withNearestReferences(_ tasks: [RepairTask]) async throws -> [RepairTask] {
        // What must not be trained on must not come in as a reference either.
        let correct = try await TaskSet.leavingOut(
            without, from: nearest.flatMap { try TaskSet.load($0, split: split) })
        let passing = Dictionary(grouping: correct, by: \.tests).mapValues { $0.compactMap(\.reference) }
        let near = tasks.compactMap { $0.nearestReference(in: passing, within: within) }
        Terminal.say("\(near.count) of \(tasks.count) programs are within \(within) characters of a correct one.")
        if near.isEmpty {
            throw RepairTaskError(
                .badLine, "no program has a correct one of the same tests near it; try a larger --within")
        }
        return near
    }
}
