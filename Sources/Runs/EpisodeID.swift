public import StatefulTools

/// Which episode of a run: a task, and which of its samples.
public struct EpisodeID: Hashable, Sendable {
    public var task: String
    /// From 0.
    public var sample: Int

    public init(task: String, sample: Int) {
        self.task = task
        self.sample = sample
    }

    public init(_ trace: Trace) { self.init(task: trace.task, sample: trace.sample) }
}
