import ArgumentParser
import ServeCommands

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serves the environment, a model, or a page to try it; on loopback unless told otherwise.",
        subcommands: [ServeEnv.self, ServeModel.self, ServeWeb.self])
}
