import ArgumentParser
import Foundation
import RepairTasks

struct DataOverlap: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "overlap", abstract: "Finds tasks to train on that are, or are like, tasks to test with.",
        discussion: """
            Example: coe data overlap --train mbpp --split train --test quixbugs.jsonl
            Compared are the programs' tokens and the eight-word sequences of the descriptions. Exit code 1 when there \
            are any.
            """)

    @Option(help: "The tasks to train on; repeatable.") var train: [String]
    @Option(help: "Of MBPP, train on the tasks of this split.") var split = MBPP.Split.train
    @Option(help: "The tasks to test with; repeatable.") var test: [String]
    @Option(help: "Of MBPP, test with the tasks of this split.") var testSplit = MBPP.Split.test
    @Flag(help: "Print the findings as one JSON object on standard output.") var json = false

    func run() async throws {
        let overlap = try await Overlap.find(
            of: train.flatMap { try TaskSet.load($0, split: split) },
            with: test.flatMap { try TaskSet.load($0, split: testSplit) })
        Terminal.say(overlap.report)
        if json { try Terminal.printJSON(overlap) }
        if !overlap.findings.isEmpty { throw ExitCode(1) }
    }
}
