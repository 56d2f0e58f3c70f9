public import ArgumentParser
public import Demonstrations
import Foundation
import Runs
import ServeCommands
import StatefulTools
import Tools

struct DataExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Writes demonstrations in the form that another trainer takes, as JSON lines.",
        discussion: "Example: coe data export demos.jsonl --to trl --out demos-trl.jsonl")

    @Argument(help: "The demonstration file.", completion: .file()) var file: String
    @Option(help: "trl, verl or openenv.") var to: ExportFormat
    @Option(help: "The file to write.", completion: .file()) var out: String
    @Flag(help: .json) var json = false

    private struct Exported: Encodable {
        var file: String
        var rows: Int
    }

    func run() async throws {
        let manager = FileManager.default
        let part = out + ".part"
        guard manager.createFile(atPath: part, contents: nil), let handle = FileHandle(forWritingAtPath: part) else {
            throw UsageError("\(out) can't be written.")
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var rows = 0
        do {
            try Demonstration.forEach(in: URL(filePath: file)) { demonstration in
                for row in demonstration.rows(to, from: try Toolbox.standard.start(demonstration.task)) {
                    try handle.write(contentsOf: encoder.encode(row) + [0x0A])
                    rows += 1
                }
            }
        } catch {
            try? manager.removeItem(atPath: part)
            if isFoundations(error) { throw UsageError("\(out) can't be written: \(words(of: error))") }
            throw error
        }
        try handle.close()
        // Renaming replaces a file of the same name in one step.
        if rename(part, out) != 0 { throw UsageError("\(out) can't be written.") }
        Terminal.say("\(rows) rows in \(out).")
        if json { try Terminal.printJSON(Exported(file: out, rows: rows)) }
    }
}

extension ExportFormat: ExpressibleByArgument {}
