public import ArgumentParser
import Foundation
import PythonSandbox
import Serving
import StatefulTools
import Tools

/// `coe serve env`, and the program `coe-environment`.
public struct ServeEnv: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "env",
        abstract: "The environment for any framework that speaks OpenEnv: WebSocket, HTTP and MCP.",
        discussion: """
            Example: coe serve env --port 8000 --set mbpp --sessions 256
            One WebSocket on /ws is one session. GET /metadata tells how to choose tasks, /metrics is for Prometheus. The \
            prompt is compact when --prompt names none.
            """)

    @OptionGroup var server: ServeOptions
    @OptionGroup var form: PromptOptions
    @OptionGroup var sandbox: SandboxOptions
    @Option(help: "Serve the tasks of this tool alone.") var tool: String?
    @Option(
        help: """
            A task set that a tool knows, or a file of tasks; the tool's own when not given, and python's starter set \
            without a tool. NAME:SPLIT names a split; it is train when not given.
            """)
    var set: String?
    @Option(help: "The most sessions at the same time.") var sessions = 1024
    @Flag(help: .untilExit) var untilExit = false
    @Flag(help: .json) var json = false

    public init() {}

    public func validate() throws {
        if sessions < 1 { throw ValidationError("--sessions must be at least 1.") }
    }

    public func run() async throws {
        let tasks = try loadedTasks()
        let environmentTasks = try await EnvironmentTasks(tasks, toolbox: .standard)
        // Two workers more than cores: some stay free for new clients while others' programs sleep.
        let workers = ProcessInfo.processInfo.activeProcessorCount + 2
        var configuration = sandbox.configuration
        configuration.workers = configuration.workers ?? workers
        let options = EnvironmentOptions(
            episode: EpisodeOptions(
                turns: form.turns(of: tasks), endsAtFirstPass: !untilExit, prompt: form.prompt ?? .compact),
            sessions: sessions, concurrentJobs: configuration.workers ?? workers)
        try await withSandbox(configuration) { sandbox in
            let environment = EnvironmentServer(tasks: environmentTasks, sandbox: sandbox, options: options)
            // Places for calls and probes beside the sessions.
            try await server.serve(
                environment, name: "\(tasks.count) tasks", port: 8000, connections: sessions + 256, json: json)
        }
    }

    /// The tasks of the set that are for the tool.
    private func loadedTasks() throws -> [any Tool] {
        let toolbox = Toolbox.standard
        let name = try tool.map { try toolbox.tool($0).name }
        let set = set ?? name ?? ToolTask.standardTool
        let tasks = try toolbox.load(set, split: .train)
        guard let name else { return tasks }
        let own = tasks.filter { type(of: $0).name == name }
        if own.isEmpty { throw UsageError("The set \(set) holds no task for the tool \(name).") }
        return own
    }
}
