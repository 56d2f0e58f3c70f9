/// One turn of an episode as it is recorded: what the model read and wrote, and what came of it.
public struct Turn: Hashable, Sendable, Codable {
    public var completion: Completion
    /// The command in its written form; nil when the completion holds none that can be read, or is a whole answer.
    public var command: String?
    /// Why the command could not be read or carried out, or that it changed nothing.
    public var error: String?
    /// What the command did; nil where it could not be carried out.
    public var effect: Effect?
    /// The state after this turn; nil where it did not change.
    public var state: String?
    /// What the tool says about the state after this turn.
    public var verdict: Verdict
    /// The message that answers this turn; nil when the episode ended.
    public var feedback: String?
    /// How far the state is from the known solution; nil where the rewards don't ask for it.
    public var distance: Int?

    public init(
        completion: Completion, command: String? = nil, error: String? = nil, effect: Effect? = nil,
        state: String? = nil, verdict: Verdict, feedback: String? = nil, distance: Int? = nil
    ) {
        self.completion = completion
        self.command = command
        self.error = error
        self.effect = effect
        self.state = state
        self.verdict = verdict
        self.feedback = feedback
        self.distance = distance
    }

    /// Whether this turn asked to end the episode.
    public var isExit: Bool { effect == .done }
}
