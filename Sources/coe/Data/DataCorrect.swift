import ArgumentParser
import Demonstrations
import Evaluation
import Foundation
import ServeCommands
import StatefulTools
import Tools

struct DataCorrect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "correct",
        abstract: "Makes demonstrations of a model's own lost episodes: its mistakes, and the way out of them.",
        discussion: """
            Play tasks to be trained on, correct what was lost, and train on it among other demonstrations (DAgger):
              coe eval --set demos.jsonl --adapter A --temperature 1 --turns 4 --out played
              coe data correct played --out corrections.jsonl
              coe sft --data demos.jsonl --data corrections.jsonl --adapter A --out better
            The model's own commands carry no loss. The same command goes on where an earlier one stopped.
            """)

    /// The most mistakes that a demonstration begins with: a longer way leaves no turns for the way out.
    private static let mistakes = 3

    @Argument(help: "Run folders of coe eval --method coe, over tasks with known solutions.", completion: .directory)
    var runs: [String]
    @Option(help: "How often each lost episode is taken, cut after other turns.") var each = 1
    @Option(help: "How the episode is shown, as for coe data synthesize; as in the runs when not given.")
    var prompt: PromptStyle?
    @Option(help: .seed) var seed: UInt64 = 0
    @Option(help: "A task set (of MBPP, its test split) that must not be trained on, nor its like; repeatable.")
    var without: [String] = []
    @Option(help: "The file to write.", completion: .file()) var out: String
    @Flag(help: .json) var json = false

    func validate() throws {
        if runs.isEmpty { throw ValidationError("Name at least one run folder.") }
        if each < 1 { throw ValidationError("--each must be at least 1.") }
    }

    func run() async throws {
        let played = try runs.map { try EvaluationRun(folder: URL(filePath: $0), tools: .standard) }
        for (folder, run) in zip(runs, played) where run.configuration.method != .coe {
            throw UsageError(
                "\(folder) was played with the method \(run.configuration.method.rawValue); "
                    + "there are no commands in it to go on from.")
        }
        if played.allSatisfy({ $0.traces.allSatisfy(\.solved) }) {
            throw UsageError("No episode of \(runs.joined(separator: ", ")) was lost: nothing to correct.")
        }
        let options = LessonOptions(seed: seed, family: nil, prompt: try prompt ?? Self.prompt(of: played))
        let writer = try DemonstrationWriter(out, options: options, json: json)
        let tasks = try await DataCommand.leavingOut(without, from: played.flatMap(\.tasks))
        try await writer.write { sandbox in
            let corrector = try await Corrector(
                played.flatMap(\.traces), tasks: tasks, mistakes: Self.mistakes, options: options, sandbox: sandbox)
            Terminal.say("\(corrector.count) episodes were lost.")
            return (corrector, .draws(each * corrector.count), 0)
        }
    }

    /// The prompt of the runs, where it is one that demonstrations have.
    private static func prompt(of runs: [EvaluationRun]) throws -> PromptStyle {
        let prompts = Set(runs.map(\.configuration.options.prompt))
        guard prompts.count == 1, let prompt = prompts.first, !prompt.showsExamples else {
            throw UsageError(
                "The runs \(prompts.count > 1 ? "had different prompts" : "had a prompt with worked examples"); "
                    + "say --prompt paper, compact, compact-diff, brief or plain.")
        }
        return prompt
    }
}
