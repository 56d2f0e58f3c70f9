import ArgumentParser
import Demonstrations
import Episodes
import Evaluation
import Foundation
import RepairTasks

struct DataCorrect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "correct",
        abstract: "Makes demonstrations of a model's own lost episodes: its mistakes, and the way out of them.",
        discussion: """
            Play tasks to be trained on, correct what was lost, and train on it among other demonstrations (DAgger):
              coe data export demos.jsonl --to repair --out starts.jsonl
              coe eval --set starts.jsonl --method coe --adapter A --constrained --temperature 1 --turns 4 --out played
              coe data correct played --out corrections.jsonl
              coe sft --data demos.jsonl --data corrections.jsonl --adapter A --out better
            The model's own commands carry no loss. The same command goes on where an earlier one stopped.
            """)

    @Argument(help: "Run folders of coe eval --method coe, over tasks with references.") var runs: [String]
    @Option(help: "How often each lost episode is taken, cut after other turns.") var each = 1
    @Option(help: "The most mistakes that a demonstration begins with.") var mistakes = 3
    @Option(help: "How the state is shown, as for coe data synthesize; as in the runs when not given.")
    var state: StateForm?
    @Option(help: "The seed.") var seed: UInt64 = 0
    @Option(help: "Demonstrations made at the same time; the number of cores when not given.") var workers: Int?
    @Option(help: "A task set (of MBPP, its test split) that must not be trained on, nor its like; repeatable.")
    var without: [String] = []
    @Option(help: "The file to write.") var out: String
    @Flag(help: "Print the figures as one JSON object on standard output.") var json = false

    func validate() throws {
        if runs.isEmpty { throw ValidationError("Name at least one run folder.") }
        if each < 1 { throw ValidationError("--each must be at least 1.") }
        if !(1...9).contains(mistakes) { throw ValidationError("--mistakes must be 1 to 9.") }
        if let workers, workers < 1 { throw ValidationError("--workers must be at least 1.") }
    }

    func run() async throws {
        let played = try runs.map { try EvaluationRun(folder: URL(filePath: $0)) }
        for (folder, run) in zip(runs, played) where run.configuration.method != .coe {
            throw UsageError(
                description: "\(folder) was played with the method \(run.configuration.method.rawValue); "
                    + "there are no commands in it to go on from.")
        }
        if played.allSatisfy({ $0.traces.allSatisfy(\.solved) }) {
            throw UsageError(description: "No episode of \(runs.joined(separator: ", ")) was lost: nothing to correct.")
        }
        let options = SynthesisOptions(seed: seed, family: nil, state: try state ?? Self.stateForm(of: played))
        let writer = try DemonstrationWriter(out, options: options, workers: workers, json: json)
        let tasks = try await TaskSet.leavingOut(without, from: played.flatMap(\.tasks))
        try await writer.write { sandbox in
            let corrector = try Corrector(
                played.flatMap(\.traces), tasks: tasks, mistakes: mistakes, options: options, sandbox: sandbox)
            Terminal.say("\(corrector.count) episodes were lost.")
            return (corrector, .draws(each * corrector.count), 0)
        }
    }

    /// The form in which the runs showed the state.
    private static func stateForm(of runs: [EvaluationRun]) throws -> StateForm {
        let forms = Set(runs.map { run in StateForm.allCases.first { $0.prompt == run.configuration.options.prompt } })
        guard forms.count == 1, let form = forms.first ?? nil else {
            throw UsageError(
                description:
                    "The runs showed the state in \(forms.count > 1 ? "different forms" : "a form of their own"); "
                    + "say --state paper, compact, compact-diff, brief or plain.")
        }
        return form
    }
}
