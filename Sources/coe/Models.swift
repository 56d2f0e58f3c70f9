import ArgumentParser

struct Models: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists the known models, or merges an adapter into one.",
        subcommands: [ModelsList.self, ModelsMerge.self], defaultSubcommand: ModelsList.self)
}
