import ArgumentParser
import Evaluation
import Foundation

struct EvalMerge: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge", abstract: "Joins the shards of one run into one folder.",
        discussion: "Example: coe eval merge runs/part-* --out runs/whole")

    @Argument(help: "The folders of all shards.", completion: .directory) var shards: [String]
    @Option(help: "The folder of the whole run.") var out: String
    @Flag(help: "Print the figures as one JSON object on standard output.") var json = false

    func run() throws {
        let folder = URL(filePath: out)
        if FileManager.default.fileExists(atPath: folder.appending(path: "run.json").path(percentEncoded: false)) {
            throw UsageError(description: "\(out) holds a run already; give another folder.")
        }
        let run = try EvaluationRun(merging: shards.map { try EvaluationRun(folder: URL(filePath: $0)) })
        try run.write(to: folder)
        try TokenTexts.merge(shards.map { URL(filePath: $0) }, into: folder)
        let summary = EvaluationSummary(run)
        summary.say()
        if json { try Terminal.printJSON(summary.json) }
    }
}
