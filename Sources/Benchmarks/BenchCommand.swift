public import ArgumentParser

/// `coe bench`: everything that measures.
public struct BenchCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures this machine's speed.",
        subcommands: [
            BenchInference.self, BenchEpisodes.self, BenchQuality.self, BenchTraining.self, BenchRL.self,
            BenchSandbox.self, BenchSoak.self, BenchDemonstrations.self, BenchServe.self, BenchModelServer.self,
            BenchFuzz.self,
        ])

    public init() {}
}
