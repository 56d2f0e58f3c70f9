/// How far a run is, beside its weights.
struct TrainingState: Hashable, Sendable, Codable {
    /// Steps that are done.
    var step = 0
    /// Tokens that were read.
    var tokens = 0
    /// Episodes that were played to learn from.
    var episodes = 0
    /// Seconds of all steps.
    var seconds = 0.0
    /// The best validation so far.
    var bestScore: Double?
    /// What reinforcement learning knows about its start states.
    var starts = StartStates()
}
