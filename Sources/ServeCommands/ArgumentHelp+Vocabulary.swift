package import ArgumentParser

/// The help of options that several commands have: one meaning each.
extension ArgumentHelp {
    package static let json: Self = "Print the result as one JSON object on standard output."
    package static let set: Self = """
        A task set: starter (bundled), countdown (generated), a fetched data set, or a file of tasks or demonstrations.
        """
    package static let seed: Self = "The seed: the same one gives the same run."
    package static let samples: Self = "Episodes of each task."
    package static let temperature: Self = "The sampling temperature; 0 takes the likeliest token."
    package static let maxTokens: Self = "The most tokens of one answer."
    package static let untilExit: Self = "Go on after the state passes, until the model says EXIT, as in the paper."
    package static let resamples: Self = """
        Resamples allowed, at a temperature of at least 0.7, before an excluded command's end is masked; 4 when not given.
        """
    package static let turns: Self = "Turns of an episode; the tool's own number when not given."
    package static let prompt: Self = """
        How an episode is shown: examples, paper, compact, compact-diff, brief or plain; when not given, what suits the \
        player, such as the prompt that its adapter was trained with.
        """
    package static let unconstrained: Self = "Let the model write anything, not only commands that the state can take."
    package static let out: Self = "The run folder."
    package static let resume: Self = "Go on with the run in the folder."
    package static let tokensPerPass: Self = "Tokens that go through the model at once; fewer take less memory."
    package static let validateEvery: Self = "Steps between two validations; 50 for sft and 10 for rl when not given."
    package static let validationCount: Self = "Tasks or demonstrations of --validation that are measured."
    package static let recipe: Self = """
        A YAML file of options, keys without dashes, or the run.json of an earlier run; options beside it override it.
        """
}
