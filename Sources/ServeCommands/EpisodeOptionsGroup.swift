package import ArgumentParser
package import StatefulTools

/// The rules of episodes that a policy plays.
package struct EpisodeOptionsGroup: ParsableArguments {
    @OptionGroup package var form: PromptOptions
    @Flag(help: .unconstrained) package var unconstrained = false

    package init() {}

    /// - Parameters:
    ///   - tasks: the tasks to play, for the turns.
    ///   - prompt: the prompt where the user names none.
    package func options(of tasks: [any Tool], prompt: PromptStyle) -> EpisodeOptions {
        EpisodeOptions(turns: form.turns(of: tasks), isConstrained: !unconstrained, prompt: form.prompt ?? prompt)
    }
}
