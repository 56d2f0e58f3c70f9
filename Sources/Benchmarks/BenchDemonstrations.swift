import ArgumentParser
import Foundation
import ServeCommands
import StatefulTools

struct BenchDemonstrations: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demonstrations", abstract: "How many verified demonstrations a second are made.")

    @Option(help: "A task set; the bundled starter collection when not given.") var from = "starter"
    @Option(help: "Demonstrations to make.") var count = 1000
    @Flag(help: .json) var json = false

    private struct Result: Codable {
        var set: String
        var count: Int
        var perSecond: Double
    }

    func validate() throws {
        if count < 1 { throw ValidationError("--count must be at least 1.") }
    }

    func run() async throws {
        let workers = ProcessInfo.processInfo.activeProcessorCount
        let result = try await withSandbox { sandbox in
            let options = LessonOptions(seed: 1, recovery: 0.2, prompt: .compact)
            return try await MadeDemonstrations(
                of: from, count: count, options: options, workers: workers, in: sandbox)
        }
        let rate = Double(result.made.count) / result.seconds
        Terminal.say(String(format: "%.1f demonstrations a second, %d from %@", rate, result.made.count, from))
        if json { try Terminal.printJSON(Result(set: from, count: result.made.count, perSecond: rate)) }
    }
}
