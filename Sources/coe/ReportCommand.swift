import ArgumentParser
import CommandSupport
import Evaluation
import Foundation
import LanguageModels
import Reports
import ServeCommands
import StatefulTools
import Tokenization
import Tools

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Makes one page of runs: figures, curves, comparisons, and every episode to step through.",
        discussion: """
            Example: coe report runs/coe runs/direct --out report.html
            Runs are evaluations, training runs (metrics.jsonl), or both mixed. The page is one file that loads nothing \
            from elsewhere. It holds the tasks, the command lines of the runs, and everything that the model wrote.
            """)

    @Argument(help: "Run folders.", completion: .directory) var runs: [String]
    @Option(name: [.customLong("out"), .customShort("o")], help: "The page.", completion: .file(extensions: ["html"]))
    var out = "report.html"
    @Flag(help: .json) var json = false

    private struct Made: Codable {
        var file: String
        var bytes: Int
        var runs: Int
        var episodes: Int
    }

    func run() throws {
        let loaded = try runs.map { folder in
            var run = try ReportRun(folder: URL(filePath: folder), tools: .standard)
            run.findTokenTexts()
            return run
        }
        let page = Data(try Report(loaded).html().utf8)
        do {
            try page.write(to: URL(filePath: out), options: .atomic)
        } catch {
            throw UsageError("\(out) can't be written: \(words(of: error))")
        }
        let made = Made(
            file: out, bytes: page.count, runs: loaded.count,
            episodes: loaded.reduce(0) { $0 + ($1.evaluation?.traces.count ?? 0) })
        Terminal.say(
            "\(out): \(made.runs) \(made.runs == 1 ? "run" : "runs"), \(made.episodes) episodes, "
                + String(format: "%.1f MB", Double(made.bytes) / 1_000_000))
        if json { try Terminal.printJSON(made) }
    }
}

extension ReportRun {
    /// Finds the tokens' texts by the model's tokenizer where the folder lacks them and the model is here.
    mutating func findTokenTexts() {
        guard tokenTexts.isEmpty, let evaluation, let path = try? KnownModel.path(of: evaluation.configuration.model),
            let tokenizer = try? Tokenizer(modelPath: path)
        else { return }
        for id in Set(evaluation.traces.flatMap { $0.turns.flatMap(\.completion.tokenIDs) }) {
            tokenTexts[id] = tokenizer.decode([id])
        }
    }
}
