import ArgumentParser
import CommandSupport
import ServeCommands
import Serving
import StatefulTools
import Tools

struct ServeWeb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "web",
        abstract: "A page where one pastes a broken program and its tests and watches the repair.",
        discussion: "Example: coe serve web, then open http://127.0.0.1:8090")

    @OptionGroup var server: ServeOptions
    @OptionGroup var sandbox: SandboxOptions
    @OptionGroup var player: PlayerOptions
    @OptionGroup var episodes: EpisodeOptionsGroup
    @Flag(help: .json) var json = false

    func run() async throws {
        try await player.prepare()
        let (policy, _, prompt) = try await player.player(for: [ToolTask.standardTool])
        let options = episodes.options(of: [], prompt: prompt)
        try await withSandbox(sandbox.configuration) { sandbox in
            try await server.serve(
                RepairPage(policy: policy, sandbox: sandbox, toolbox: .standard, options: options),
                name: "The page with \(policy.name)", port: 8090, openPaths: ["/", "/health"], json: json)
        }
    }
}
