import ArgumentParser
import Benchmarks
import Foundation
import Runs
import ServeCommands
import StatefulTools

@main
struct Coe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coe",
        abstract: "Small language models that solve tasks with a stateful tool in place of thinking (Chain-of-Edits).",
        discussion: """
            Results go to standard output, progress to standard error; --quiet leaves the progress out. With --json, \
            standard output holds one JSON object, also for an error. Exit codes: 0 done; 1 the answer is no (tests fail, nothing repaired, findings); 2 it could \
            not be done; 64 wrong usage; 130 interrupted: the first Ctrl-C finishes the step and saves, the second stops.
            """,
        version: Build.description,
        subcommands: [
            Repair.self, Check.self, Eval.self, SFTCommand.self, RLCommand.self, ReportCommand.self, TraceCommand.self,
            Serve.self, DataCommand.self, Doctor.self, Models.self, BenchCommand.self,
        ])

    static func main() async {
        // Terminal reads --quiet itself, for all commands.
        let arguments = CommandLine.arguments.dropFirst().filter { $0 != "--quiet" }
        do {
            var command = try parse(line: arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            end(with: error, json: arguments.contains("--json"))
        }
    }

    /// The command that the arguments ask for, with the recipe that they name.
    static func parse(line arguments: [String]) throws -> any ParsableCommand {
        let (expanded, recipe) = try Recipe.expand(arguments)
        if let error = unknownSubcommand(expanded) { throw error }
        do {
            return try parseAsRoot(expanded)
        } catch {
            throw recipe?.explaining(error, message(for: error)) ?? error
        }
    }

    /// Shows an error and ends the process.
    ///
    /// The parser's own errors, help and `ExitCode` keep their codes. Every other error is one that a command threw: what
    /// it was asked for could not be done.
    private static func end(with error: any Error, json: Bool) -> Never {
        if let interruption = error as? Interruption {
            if json { try? Terminal.printJSON(ErrorReport(error: interruption.description, exitCode: 130)) }
            Terminal.complain(interruption.description)
            Foundation.exit(130)
        }
        let message = isFoundations(error) ? sentence(of: error) : message(for: error)
        let isParsers = error is ExitCode || error is CleanExit || exitCode(for: error) != .failure
        let code = isParsers ? exitCode(for: error).rawValue : 2
        if json, code != 0, !(error is ExitCode) {
            try? Terminal.printJSON(ErrorReport(error: message, exitCode: Int(code)))
        }
        let text = isParsers ? fullMessage(for: error) : "Error: \(message)"
        if text.isEmpty { Foundation.exit(code) }
        // Help and the version go to standard output.
        if code == 0 {
            Terminal.write(usageWrapped(text, Terminal.resultColumns) + "\n", to: STDOUT_FILENO)
        } else {
            Terminal.complain(usageWrapped(text, Terminal.columns))
        }
        Foundation.exit(code)
    }

    /// What `--json` prints where a command could not do its work.
    private struct ErrorReport: Encodable {
        var error: String
        var exitCode: Int
    }
}
