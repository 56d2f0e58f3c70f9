/// The rules of an episode.
public struct EpisodeOptions: Hashable, Sendable, Codable {
    /// The most turns; ``Tool/turns`` where nobody says otherwise.
    public var turns: Int
    /// Whether the episode ends as soon as the state passes, as a user wants it; else the model must say EXIT, as in the
    /// paper.
    public var endsAtFirstPass: Bool
    /// Whether the policy is held to commands that the state can take; see ``Episode/guidance``.
    public var isConstrained: Bool
    /// Resamples allowed when an answer ends as a command that was tried in this state or changes nothing, before that
    /// end is masked.
    public var resamples: Int
    public var prompt: PromptStyle
    public var rewards: RewardRules

    public static let standardResamples = 4

    public init(
        turns: Int = 10, endsAtFirstPass: Bool = true, isConstrained: Bool = true,
        resamples: Int = Self.standardResamples, prompt: PromptStyle = .examples, rewards: RewardRules = RewardRules()
    ) {
        self.turns = turns
        self.endsAtFirstPass = endsAtFirstPass
        self.isConstrained = isConstrained
        self.resamples = resamples
        self.prompt = prompt
        self.rewards = rewards
    }
}
