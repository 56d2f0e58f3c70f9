import ArgumentParser
import Evaluation
import Foundation
import Runs
import ServeCommands
import Tools

struct EvalMerge: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge", abstract: "Joins the shards of one run into one folder.",
        discussion: "Example: coe eval merge runs/part-* --out runs/whole")

    @Argument(help: "The folders of all shards.", completion: .directory) var shards: [String]
    @Option(help: .out, completion: .directory) var out: String
    @Flag(help: .json) var json = false

    func run() throws {
        let folder = URL(filePath: out)
        if FileManager.default.fileExists(atPath: folder.appending(path: "run.json").path(percentEncoded: false)) {
            throw UsageError("\(out) holds a run already; give another folder.")
        }
        let run = try EvaluationRun(
            merging: shards.map { try EvaluationRun(folder: URL(filePath: $0), tools: .standard) })
        let lock = try RunFolder(folder).makeAndLock()
        defer { withExtendedLifetime(lock) {} }
        try run.write(to: folder)
        try TokenTexts.merge(shards.map { URL(filePath: $0) }, into: folder)
        let summary = EvaluationSummary(run)
        summary.show(json: json)
        if json { try Terminal.printJSON(summary.json) }
    }
}
