import ArgumentParser
import Demonstrations
import Foundation
import RepairTasks

struct BenchDemonstrations: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demonstrations", abstract: "How many verified demonstrations a second are made.")

    @Option(help: "A task set; the bundled starter collection when not given.") var from = "starter"
    @Option(help: "Demonstrations that are made.") var count = 1000
    @Flag(help: "Print the figures as one JSON object on standard output.") var json = false

    private struct Result: Codable {
        var set: String
        var count: Int
        var perSecond: Double
    }

    func validate() throws {
        if count < 1 { throw ValidationError("--count must be at least 1.") }
    }

    func run() async throws {
        let tasks = try TaskSet.load(from, split: .train)
        let workers = ProcessInfo.processInfo.activeProcessorCount
        let rate = try await withSandbox { sandbox in
            let options = SynthesisOptions(
                seed: 1, family: .mixed, faults: 1...5, recovery: 0.2, state: .compact)
            return try await Synthesizer(tasks: tasks, options: options, sandbox: sandbox)
                .rate(count: count, workers: workers)
        }
        Terminal.say(String(format: "%.1f demonstrations a second, %d from %@", rate, count, from))
        if json { try Terminal.printJSON(Result(set: from, count: count, perSecond: rate)) }
    }
}
