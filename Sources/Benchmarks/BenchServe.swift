import ArgumentParser
import Foundation
import PythonSandbox
import ServeCommands
import Serving

/// `coe bench serve`: the environment server under load.
struct BenchServe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract:
            "The environment server under load: many sessions, dropped connections, memory. Exit code 0 when all is well."
    )

    @Option(help: "Sessions at the same time.") var sessions = 1000
    @Option(help: "Steps of each session.") var steps = 10
    @Flag(help: .json) var json = false

    func validate() throws {
        if sessions < 1 { throw ValidationError("--sessions must be at least 1.") }
        if steps < 1 { throw ValidationError("--steps must be at least 1.") }
    }

    func run() async throws {
        HTTPServer.raiseFileLimit()
        let server = try EnvironmentProcess(["--sessions", "\(sessions + 1)"])
        defer { server.stop() }
        let load = EnvironmentLoad(port: server.port, sessions: sessions, steps: steps)
        let result = try await withSandbox(SandboxConfiguration(cachedReports: 0)) { sandbox in
            try await load.run(bare: sandbox) { Terminal.say($0) }
        }
        func format(_ value: Double) -> String { String(format: "%.1f", value) }
        Terminal.say(
            "\(result.sessions) sessions, \(result.steps) steps: \(result.lost) lost, \(result.mixedUp) mixed up")
        if let bare = result.bareJobsPerSecond {
            Terminal.say(
                "\(format(result.stepsPerSecond)) steps/s; \(format(bare)) jobs/s in the sandbox alone "
                    + "(\(format(100 * result.stepsPerSecond / bare)) %)")
        }
        if let bytes = result.bytesPerIdleSession { Terminal.say("\(format(Double(bytes) / 1000)) kB an idle session") }
        Terminal.say(
            "\(result.dropped) dropped connections left \(result.leftBehind) behind; memory grew by "
                + "\(format(Double(result.droppedGrowthBytes ?? 0) / 1e6)) MB over their second half")
        if json { try Terminal.printJSON(result) }
        if result.lost + result.mixedUp + result.leftBehind > 0 { throw ExitCode(1) }
    }
}
