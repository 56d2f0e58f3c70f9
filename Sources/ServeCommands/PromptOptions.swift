public import ArgumentParser
public import StatefulTools

extension PromptStyle: ExpressibleByArgument {}

/// How long an episode is and how it is shown.
package struct PromptOptions: ParsableArguments {
    @Option(help: .turns) package var turns: Int?
    @Option(help: .prompt) package var prompt: PromptStyle?

    package init() {}

    package func validate() throws {
        if let turns, turns < 1 { throw ValidationError("--turns must be at least 1.") }
    }

    /// The turns of an episode with any of these tasks.
    package func turns(of tasks: [any Tool]) -> Int { turns ?? tasks.mostTurns }
}

extension Collection where Element == any Tool {
    /// The most turns that a tool of the tasks wants.
    package var mostTurns: Int { map { type(of: $0).turns }.max() ?? EpisodeOptions().turns }
    /// The names of the tools that the tasks are for.
    package var toolNames: Set<String> { Set(map { type(of: $0).name }) }
}
