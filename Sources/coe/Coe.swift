import ArgumentParser
import Benchmarks

@main
struct Coe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coe",
        abstract: "Small language models that solve tasks with a stateful tool in place of thinking (Chain-of-Edits).",
        discussion: """
            People's text goes to standard error, JSON to standard output. Exit code 0 done, 1 failed, 64 wrong usage, \
            130 interrupted: the first Ctrl-C finishes the step and saves, the second stops.
            """,
        version: "1.0.0",
        subcommands: [
            Repair.self, Check.self, Eval.self, SFTCommand.self, RLCommand.self, ReportCommand.self, TraceCommand.self,
            Serve.self, DataCommand.self, Doctor.self, Models.self, BenchCommand.self,
        ])

    static func main() async {
        do {
            var command = try parse(line: Array(CommandLine.arguments.dropFirst()))
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            exit(withError: error)
        }
    }

    /// The command that the arguments ask for, with the recipe that they name.
    static func parse(line arguments: [String]) throws -> any ParsableCommand {
        let (expanded, recipe) = try Recipe.expand(arguments)
        do {
            return try parseAsRoot(expanded)
        } catch {
            throw recipe?.explaining(error, message(for: error)) ?? error
        }
    }
}
