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
        if let workers, workers < 1 { throw ValidationError("--workers must be at least 1.") }
    }

    private struct Result: Codable {
        var file: String
        var count: Int
        var made: Int
        var seconds: Double
        var sandboxRuns: Int
        var cachedRuns: Int
        var unusableTasks: Int
    }

    func run() async throws {
        Interrupt.catchFirst()
        let options = SynthesisOptions(
            seed: seed, family: pairs ? nil : corruptions, faults: minFaults...maxFaults, recovery: recovery,
            state: state)
        var file = try DemonstrationFile(URL(filePath: out), options: options)
        let before = file.count
        if before >= count {
            Terminal.say("\(out) holds \(before) demonstrations already.")
            return
        }
        var tasks = try from.flatMap { try TaskSet.load($0, split: split) }
        if !without.isEmpty {
            let test = try without.flatMap { try TaskSet.load($0, split: .test) }
            let overlap = try await Overlap.find(of: tasks, with: test)
            let flagged = Set(overlap.findings.map(\.task))
            tasks.removeAll { flagged.contains($0.id) }
            Terminal.say(
                "\(flagged.count) tasks left out: they or their like are in \(without.joined(separator: ", ")).")
        }
        let all = tasks
        let start = ContinuousClock.now
        let result = try await withSandbox { sandbox in
            let checking = ProgressLine("references")
            let synthesizer = try await Synthesizer(tasks: all, options: options, sandbox: sandbox) {
                checking.show($0, of: $1)
            }
            for (task, why) in synthesizer.unusable.prefix(10) { Terminal.say("\(task) is left out: \(why).") }
            if synthesizer.unusable.count > 10 { Terminal.say("… and \(synthesizer.unusable.count - 10) more.") }
            let progress = ProgressLine("demonstrations")
            var barren = 0
            let cores = ProcessInfo.processInfo.activeProcessorCount
            try await synthesizer.run(from: file.nextIndex, workers: workers ?? cores) { index, demonstration in
                let isNew = try demonstration.map { try file.append($0) } ?? false
                barren = isNew ? 0 : barren + 1
                if isNew { progress.show(file.count, of: count) }
                // The tasks give no more that is not there already.
                return file.count < count && barren < max(1_000, 20 * all.count) && !Interrupt.isRequested
            }
            let requests = await synthesizer.cache.requests
            let runs = await synthesizer.cache.runs
            return Result(
                file: out, count: file.count, made: file.count - before,
                seconds: (ContinuousClock.now - start) / .seconds(1), sandboxRuns: runs, cachedRuns: requests - runs,
                unusableTasks: synthesizer.unusable.count)
        }
        try file.close()
        Terminal.say(
            String(
                format: "%d demonstrations in %@, %d made in %.1f s (%.1f a second; %d sandbox runs, %d remembered).",
                result.count, out, result.made, result.seconds, Double(result.made) / result.seconds,
                result.sandboxRuns,
                result.cachedRuns))
        if json { try Terminal.printJSON(result) }
        if Interrupt.isRequested { throw ExitCode(130) }
        if result.count < count {
            Terminal.say("The tasks give no more different ones.")
            throw ExitCode(1)
        }
    }
}
