public import ArgumentParser
import Foundation
import PythonSandbox
import Serving

/// `coe bench serve`: the environment server under load.
public struct BenchServe: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract:
            "The environment server under load: many sessions, dropped connections, memory. Exit code 0 when all is well."
    )

    @Option(help: "Sessions at the same time.") var sessions = 1000
    @Option(help: "Steps of each.") var steps = 10
    @Option(help: "Connections that are opened and dropped.") var drops = 10_000
    @Flag(help: "Print the figures as one JSON object on standard output.") var json = false

    public init() {}

    public func validate() throws {
        if sessions < 1 { throw ValidationError("--sessions must be at least 1.") }
        if steps < 1 { throw ValidationError("--steps must be at least 1.") }
        if drops < 0 { throw ValidationError("--drops must not be negative.") }
    }

    public func run() async throws {
        HTTPServer.raiseFileLimit()
        let server = try ChildServer(["--sessions", "\(sessions + 1)"])
        defer { server.stop() }
        let sandbox = try await PythonSandbox(SandboxConfiguration(cachedReports: 0))
        let load = EnvironmentLoad(port: server.port, sessions: sessions, steps: steps, drops: drops)
        let result: EnvironmentLoad.Result
        do {
            result = try await load.run(bare: sandbox) { say($0) }
        } catch {
            await sandbox.shutdown()
            throw error
        }
        await sandbox.shutdown()
        func format(_ value: Double) -> String { String(format: "%.1f", value) }
        say("\(result.sessions) sessions, \(result.steps) steps: \(result.lost) lost, \(result.mixedUp) mixed up")
        if let bare = result.bareJobsPerSecond {
            say(
                "\(format(result.stepsPerSecond)) steps/s; \(format(bare)) jobs/s in the sandbox alone "
                    + "(\(format(100 * result.stepsPerSecond / bare)) %)")
        }
        if let bytes = result.bytesPerIdleSession { say("\(format(Double(bytes) / 1000)) kB an idle session") }
        say(
            "\(result.dropped) dropped connections left \(result.leftBehind) behind; memory grew by "
                + "\(format(Double(result.droppedGrowthBytes ?? 0) / 1e6)) MB over their second half")
        if json {
            FileHandle.standardOutput.write(try JSONEncoder().encode(result) + [0x0A])
        }
        if result.lost + result.mixedUp + result.leftBehind > 0 { throw ExitCode(1) }
    }
}

/// `coe bench fuzz`: damaged requests against a server.
public struct BenchFuzz: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "fuzz",
        abstract:
            "Damaged requests against a server. Exit code 0 when it lives on, never fails, and names no path of its own.",
        discussion: """
            Without --port an environment server is started for it. The model server and the page: start them, and name \
            their port.
            """)

    @Option(help: "Seconds.") var seconds = 600.0
    @Option(help: "The same seed gives the same requests.") var seed: UInt64 = 1
    @Option(help: "The port of a server on this machine.") var port: Int?
    @Flag(help: "Print the figures as one JSON object on standard output.") var json = false

    public init() {}

    public func run() async throws {
        HTTPServer.raiseFileLimit()
        let server = port == nil ? try ChildServer([]) : nil
        defer { server?.stop() }
        let forbidden = [FileManager.default.currentDirectoryPath, NSHomeDirectory(), "/.build/", ".cache/coe"]
            .filter { $0.count > 5 }
        let result = try await ServerFuzz(
            port: port ?? server?.port ?? 0, seconds: seconds, seed: seed, forbidden: forbidden
        ).run { say("\($0) requests") }
        say(
            "\(result.requests) requests in \(Int(result.seconds)) s: "
                + (result.survived ? "it lives" : "it died") + ", \(result.failures) failures, \(result.leaks) leaks")
        for example in result.examples { say(example) }
        if json { FileHandle.standardOutput.write(try JSONEncoder().encode(result) + [0x0A]) }
        if !result.survived || result.failures + result.leaks > 0 { throw ExitCode(1) }
    }
}

/// An environment server in a process of its own, so that its memory can be told from the client's.
private struct ChildServer {
    private let process = Process()
    let port: Int

    init(_ arguments: [String]) throws {
        let own = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        process.executableURL = own
        let command = own.lastPathComponent == "coe-environment" ? [] : ["serve", "env"]
        process.arguments = command + ["--port", "0", "--json", "--drain-seconds", "0"] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        struct Ready: Decodable { var port: Int }
        let line = output.fileHandleForReading.availableData
        guard let ready = try? JSONDecoder().decode(Ready.self, from: line) else {
            process.terminate()
            throw CleanExit.message("The environment server did not start; try: coe serve env")
        }
        port = ready.port
    }

    func stop() {
        process.terminate()
        process.waitUntilExit()
    }
}

private func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
