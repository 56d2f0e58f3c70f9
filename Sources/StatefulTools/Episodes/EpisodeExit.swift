/// How an episode ended.
public enum EpisodeExit: String, CaseIterable, Hashable, Sendable, Codable {
    /// The model said EXIT.
    case exit
    /// The state passed, and the rules end the episode there.
    case passed
    /// The turns were used up.
    case turnLimit
    /// The conversation no longer fits the model.
    case contextFull
    /// A whole answer was given and judged (methods `direct`, `think`, `resample`).
    case answered
    /// The task's own tests can't be used.
    case unusableTests
    /// Something outside of the episode failed, such as a model or a worker; the trace's error says what.
    case broken
}
