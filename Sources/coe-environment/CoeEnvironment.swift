import ArgumentParser
import ServeCommands
import StatefulTools

/// The environment server as a program of its own, without libtorch: for containers.
@main struct CoeEnvironment: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coe-environment",
        abstract: "The Chain-of-Edits environment alone, as `coe serve env`.",
        version: Build.description,
        subcommands: [ServeEnv.self], defaultSubcommand: ServeEnv.self)
}
