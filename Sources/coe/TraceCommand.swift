public import ArgumentParser
import Evaluation
import Foundation
import Reports
import ServeCommands
public import StatefulTools
import Tools

struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Shows a run's episodes in the terminal: a list, or turn by turn.",
        discussion: """
            Examples:
              coe trace runs/first                                   the list
              coe trace runs/first 3 17                              these episodes, turn by turn
              coe trace runs/first --search "range len" --no-solved  those that hold the words
              coe trace runs/first --failure SyntaxError --full
            One match is shown turn by turn. On a terminal the text goes through $PAGER (less -R).
            """)

    @Argument(help: ArgumentHelp("The run folder.", valueName: "run"), completion: .directory) var folder: String
    @Argument(help: "Numbers of episodes, as the list has them.") var numbers: [Int] = []
    @Option(help: "Words that must occur in the task's id, its states or the model's text.") var search = ""
    @Flag(inversion: .prefixedNo, help: "Only solved, or only unsolved episodes.") var solved: Bool?
    @Option(help: "The ending: \(EpisodeExit.allCases.map(\.rawValue).joined(separator: ", ")).")
    var exit: EpisodeExit?
    @Option(help: "How the start state fails, such as SyntaxError.") var failure: String?
    @Option(help: "At most N episodes.") var limit: Int?
    @Flag(help: "Show every match turn by turn.") var full = false
    @Flag(help: .json) var json = false

    private struct Found: Codable {
        var number: Int
        var trace: Trace
    }

    func run() throws {
        let stored = try ReportRun(folder: URL(filePath: folder), tools: .standard)
        guard let evaluation = stored.evaluation else {
            throw UsageError("\(folder) holds no traces, only metrics; coe report shows these.")
        }
        let tasks = Dictionary(evaluation.tasks.map { ($0.id, $0) }) { first, _ in first }
        if let stranger = numbers.first(where: { $0 < 1 || $0 > evaluation.traces.count }) {
            throw UsageError(
                "\(folder) has the episodes 1 to \(evaluation.traces.count), not \(stranger).")
        }
        let filter = EpisodeFilter(search: search, solved: solved, exit: exit, failure: failure)
        var found = evaluation.traces.enumerated().map { Found(number: $0.offset + 1, trace: $0.element) }
            .filter {
                (numbers.isEmpty || numbers.contains($0.number)) && filter.matches($0.trace, of: tasks[$0.trace.task])
            }
        let matches = found.count
        if let limit { found = Array(found.prefix(limit)) }

        if json {
            try Terminal.printJSON(["episodes": found])
            return
        }
        let text = TraceText(
            hasColour: Terminal.hasResultColour, tokenTexts: stored.tokenTexts,
            columns: Terminal.isResultTerminal ? Terminal.resultColumns : nil)
        let isWhole = full || !numbers.isEmpty || found.count == 1
        var output = found.map {
            isWhole ? text.episode($0.number, $0.trace, of: tasks[$0.trace.task]) : text.row($0.number, $0.trace)
        }
        let solved = found.count { $0.trace.solved }
        output.append(
            "\(matches) of \(evaluation.traces.count) episodes"
                + (found.count < matches ? ", \(found.count) shown" : "")
                + ", \(solved) solved")
        Self.page(output.joined(separator: "\n") + "\n")
    }

    /// Through the user's pager where someone is there to page. The process becomes the pager, so the pager has the
    /// terminal, and Ctrl-C and its exit code are its own.
    private static func page(_ text: String) {
        let environment = ProcessInfo.processInfo.environment
        let pager = environment["PAGER"] ?? "less"
        guard Terminal.isResultTerminal, isatty(STDIN_FILENO) == 1, !pager.isEmpty, let file = tmpfile() else {
            return Terminal.write(text, to: STDOUT_FILENO)
        }
        fputs(text, file)
        rewind(file)
        dup2(fileno(file), STDIN_FILENO)
        setenv("LESS", environment["LESS"] ?? "FRX", 1)
        let words: [String] = ["/bin/sh", "-c", pager]
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        execv("/bin/sh", arguments)
        Terminal.write(text, to: STDOUT_FILENO)
    }
}

extension EpisodeExit: ExpressibleByArgument {}
