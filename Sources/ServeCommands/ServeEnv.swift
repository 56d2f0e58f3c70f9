public import ArgumentParser
import Episodes
import Foundation
import PythonSandbox
import RepairTasks
import Serving

/// `coe serve env`, and the program `coe-environment`.
public struct ServeEnv: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "env",
        abstract: "The environment for any framework that speaks OpenEnv: WebSocket, HTTP and MCP.",
        discussion: """
            Example: coe serve env --port 8000 --set mbpp --sessions 256
            One WebSocket on /ws is one session. GET /metadata tells how tasks are chosen, /metrics is for Prometheus.
            """)

    @OptionGroup var server: ServeOptions
    @Option(help: "A task set: starter (bundled), a data set that was fetched, or a file of tasks.") var set = "starter"
    @Option(help: "Sessions at the same time.") var sessions = 1024
    @Option(help: "A session that is not used for so many seconds is closed.") var idleSeconds = 1800.0
    @Option(help: "Commands in one episode.") var turns = 10
    @Flag(help: "End an episode when the visible tests pass; else the player must say EXIT, as in the paper.")
    var endAtPass = false
    @Flag(help: "Leave the instruction out of the prompt, for a player that was trained on the commands.")
    var brief = false
    @Flag(help: "After the first turn show the lines around the change alone.") var changesOnly = false
    @Flag(help: "Put worked examples into the prompt, for a player that was not.") var examples = false
    @Option(help: "Programs that run at once; the number of cores when not given.") var workers: Int?
    @Option(help: "The Python interpreter that runs the programs.") var python = "python3"
    @Flag(help: "Run programs without a jail, where this machine has none. They can then do all that you can.")
    var unsafeNoSandbox = false
    @Flag(help: "Print the address as one JSON object on standard output when ready.") var json = false

    public init() {}

    public func validate() throws {
        if sessions < 1 { throw ValidationError("--sessions must be at least 1.") }
        if turns < 1 { throw ValidationError("--turns must be at least 1.") }
        if !(idleSeconds > 0) { throw ValidationError("--idle-seconds must be above 0.") }
        if let workers, workers < 1 { throw ValidationError("--workers must be at least 1.") }
    }

    public func run() async throws {
        let tasks = try EnvironmentTasks(try TaskSet.load(set))
        let sandbox = try await PythonSandbox(
            SandboxConfiguration(interpreter: python, workers: workers, unsafeNoSandbox: unsafeNoSandbox))
        let options = EnvironmentOptions(
            episode: EpisodeOptions(
                maxTurns: turns, endsAtFirstPass: endAtPass,
                prompt: Prompt(instructs: !brief, workedExamples: examples, changesOnly: changesOnly)),
            sessions: sessions, idleSeconds: idleSeconds,
            concurrentJobs: 2 * (workers ?? ProcessInfo.processInfo.activeProcessorCount))
        let environment = EnvironmentServer(tasks: tasks, sandbox: sandbox, options: options)
        do {
            // Places for calls and probes beside the sessions.
            try await server.serve(
                environment, name: "\(tasks.tasks.count) tasks", port: 8000, connections: sessions + 256, json: json)
        } catch {
            await sandbox.shutdown()
            throw error
        }
        await sandbox.shutdown()
    }
}
