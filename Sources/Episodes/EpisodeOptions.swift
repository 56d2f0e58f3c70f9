/// The rules of an episode.
public struct EpisodeOptions: Hashable, Sendable, Codable {
    public var maxTurns: Int
    /// Whether the episode ends as soon as all visible tests pass, as a user wants it; else the model must say EXIT, as
    /// in the paper.
    public var endsAtFirstPass: Bool
    /// Whether the policy is held to commands that the program can take; see ``Episode/grammar``.
    public var isConstrained: Bool
    /// Where it is: how often a command that was tried on the program before, or changes nothing, is drawn anew
    /// (``CommandGrammar/redraws``).
    public var redraws: Int
    /// The redraws where none are said; ``CommandGrammar`` itself has none.
    public static let standardRedraws = 4
    public var prompt: Prompt
    public var rewards: Rewards

    public init(
        maxTurns: Int = 10, endsAtFirstPass: Bool = false, isConstrained: Bool = false,
        redraws: Int = Self.standardRedraws,
        prompt: Prompt = Prompt(), rewards: Rewards = Rewards()
    ) {
        self.maxTurns = maxTurns
        self.endsAtFirstPass = endsAtFirstPass
        self.isConstrained = isConstrained
        self.redraws = redraws
        self.prompt = prompt
        self.rewards = rewards
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        maxTurns = try container.decode(Int.self, forKey: .maxTurns)
        endsAtFirstPass = try container.decode(Bool.self, forKey: .endsAtFirstPass)
        isConstrained = try container.decode(Bool.self, forKey: .isConstrained)
        // Runs from before there were any.
        redraws = try container.decodeIfPresent(Int.self, forKey: .redraws) ?? 0
        prompt = try container.decode(Prompt.self, forKey: .prompt)
        rewards = try container.decode(Rewards.self, forKey: .rewards)
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
