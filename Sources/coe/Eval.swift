import ArgumentParser

struct Eval: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures pass@k of a model on a task set.",
        discussion: """
            Example: coe eval --set tasks.jsonl.gz --method coe --samples 4 --temperature 0.7 --out runs/first
            The same command goes on where an earlier one stopped, and plays again what broke. All options: coe eval run \
            --help
            """,
        subcommands: [EvalRun.self, EvalMerge.self, EvalVerify.self], defaultSubcommand: EvalRun.self)
}
