import ArgumentParser
import Foundation
import ServeCommands
import Serving

/// `coe bench fuzz`: damaged requests against a server.
struct BenchFuzz: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fuzz",
        abstract:
            "Damaged requests against a server. Exit code 0 when it lives on, never fails, and names no path of its own.",
        discussion: """
            Without --port an environment server is started for it. The model server and the page: start them, and name \
            their port.
            """)

    @Option(help: "Seconds.") var seconds = 600.0
    @Option(help: .seed) var seed: UInt64 = 0
    @Option(help: "The port of a server on this machine.") var port: Int?
    @Flag(help: .json) var json = false

    func run() async throws {
        HTTPServer.raiseFileLimit()
        let server = port == nil ? try EnvironmentProcess([]) : nil
        defer { server?.stop() }
        let forbidden = [FileManager.default.currentDirectoryPath, NSHomeDirectory(), "/.build/", ".cache/coe"]
            .filter { $0.count > 5 }
        let result = try await ServerFuzz(
            port: port ?? server?.port ?? 0, seconds: seconds, seed: seed, forbidden: forbidden
        ).run { Terminal.say("\($0) requests") }
        Terminal.say(
            "\(result.requests) requests in \(Int(result.seconds)) s: "
                + (result.survived ? "it lives" : "it died") + ", \(result.failures) failures, \(result.leaks) leaks")
        for example in result.examples { Terminal.say(example) }
        if json { try Terminal.printJSON(result) }
        if !result.survived || result.failures + result.leaks > 0 { throw ExitCode(1) }
    }
}
