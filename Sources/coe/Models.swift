import ArgumentParser

struct Models: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fetches and lists models, or merges an adapter into one.",
        subcommands: [ModelsFetch.self, ModelsList.self, ModelsMerge.self], defaultSubcommand: ModelsList.self)
}
