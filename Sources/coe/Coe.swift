import ArgumentParser

@main
struct Coe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coe",
        abstract: "Repairs Python programs with small language models that drive a line editor (Chain-of-Edits).",
        discussion: """
            People's text goes to standard error, JSON to standard output. Exit code 0 done, 1 failed, 64 wrong usage, \
            130 interrupted: the first Ctrl-C finishes the step and saves, the second stops.
            """,
        version: "1.0.0",
        subcommands: [
            Repair.self, Check.self, Eval.self, SFTCommand.self, RLCommand.self, ReportCommand.self, TraceCommand.self,
            Serve.self,
            DataCommand.self, Doctor.self, Models.self, Bench.self,
        ])
}
