/// The rules of an episode.
public struct EpisodeOptions: Hashable, Sendable, Codable {
    public var maxTurns: Int
    /// Whether the episode ends as soon as all visible tests pass, as a user wants it; else the model must say EXIT, as
    /// in the paper.
    public var endsAtFirstPass: Bool
    public var prompt: Prompt
    public var rewards: Rewards

    public init(
        maxTurns: Int = 10, endsAtFirstPass: Bool = false, prompt: Prompt = Prompt(), rewards: Rewards = Rewards()
    ) {
        self.maxTurns = maxTurns
        self.endsAtFirstPass = endsAtFirstPass
        self.prompt = prompt
        self.rewards = rewards
    }
}

/// What a turn earns (arXiv 2507.05065). Rewards of one turn add up.
public struct Rewards: Hashable, Sendable, Codable {
    /// The turn that makes all visible tests pass for the first time. A program that passes from the start earns none.
    public var firstPass: Double
    /// A command that can't be read.
    public var malformed: Double
    /// A well-formed command that this program can't take, such as a line beyond its end. The paper names none (own).
    public var inapplicable: Double
    /// The last turn of an episode that ends without EXIT.
    public var noExit: Double

    public init(firstPass: Double = 1, malformed: Double = -0.5, inapplicable: Double = 0, noExit: Double = -0.5) {
        self.firstPass = firstPass
        self.malformed = malformed
        self.inapplicable = inapplicable
        self.noExit = noExit
    }
}
