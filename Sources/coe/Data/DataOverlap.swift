import ArgumentParser
import Foundation
import PythonRepair
import ServeCommands
import StatefulTools
import Tools

struct DataOverlap: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "overlap", abstract: "Finds Python tasks to train on that are, or are like, tasks to test with.",
        discussion: """
            Example: coe data overlap --train mbpp --test quixbugs.jsonl
            Compared are the programs' tokens and the eight-word sequences of the descriptions. Exit code 1 when there \
            are any.
            """)

    @Option(help: "The tasks to train on (of MBPP, its train split; mbpp:SPLIT names another); repeatable.")
    var train: [String]
    @Option(help: "The tasks to test with (of MBPP, its test split); repeatable.") var test: [String]
    @Flag(help: .json) var json = false

    func run() async throws {
        let overlap = try await Overlap.find(
            of: DataCommand.repairs(train.flatMap { try Toolbox.standard.load($0, split: .train) }),
            with: DataCommand.repairs(test.flatMap { try Toolbox.standard.load($0, split: .test) }))
        Terminal.show(overlap.report, json: json)
        if json { try Terminal.printJSON(overlap) }
        if !overlap.findings.isEmpty { throw ExitCode(1) }
    }
}
