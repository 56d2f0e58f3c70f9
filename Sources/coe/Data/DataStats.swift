import ArgumentParser
import CommandSupport
import Demonstrations
import Foundation
import LanguageModels
import ServeCommands
import StatefulTools
import Tokenization
import Tools

struct DataStats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Says what a file of demonstrations, or a set of tasks, is made of.",
        discussion: """
            Example: coe data stats demos.jsonl --html demos.html
            Each start state of a task set is judged once, to see how it fails.
            """)

    @Argument(help: "A demonstration file or a task set.", completion: .file()) var file: String
    @Option(help: "Write a page with plots to this file.", completion: .file(extensions: ["html"])) var html: String?
    @Option(help: "Count the tokens of demonstrations, as this model's tokenizer makes them.", completion: .models)
    var model: String?
    @Flag(help: .json) var json = false

    func run() async throws {
        var statistics = Statistics()
        if Demonstration.isFile(URL(filePath: file)) {
            let tokenizer = try model.map { try Tokenizer(modelPath: KnownModel.path(of: $0)) }
            let countTokens = tokenizer.map { tokenizer in { (text: String) in tokenizer.encode(text).count } }
            try Demonstration.forEach(in: URL(filePath: file)) {
                statistics.add($0, of: try Toolbox.standard.tool($0.task.tool), countTokens: countTokens)
            }
        } else {
            statistics = try await statisticsOfTasks()
        }
        Terminal.show(statistics.table, json: json)
        if let html {
            let title = URL(filePath: file).lastPathComponent
            try Data(statistics.page(title: title).utf8).write(to: URL(filePath: html), options: .atomic)
            Terminal.say("\nPlots: \(html)")
        }
        if json { try Terminal.printJSON(statistics) }
    }

    private func statisticsOfTasks() async throws -> Statistics {
        let tasks = try Toolbox.standard.load(file, split: .all)
        var statistics = Statistics()
        let progress = ProgressLine("tasks")
        try await withSandbox { sandbox in
            try await inOrder(tasks, progress) {
                try await $0.judge(in: sandbox)
            } each: { task, verdict in
                guard let verdict = try? verdict.get() else { return }
                let distance = task.solution.flatMap { type(of: task).difference(task.state, $0)?.distance }
                let failure = verdict.failure ?? (verdict.solved ? "passes" : "hidden tests")
                statistics.add(
                    task: task.id, failure: failure, editDistance: distance, characters: task.state.count)
            }
        }
        return statistics
    }
}
