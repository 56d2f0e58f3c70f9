import Synchronization

/// Where a model's time goes, in seconds.
public struct PhaseSeconds: Codable, Hashable, Sendable {
    /// Products with weights, the head's among them.
    public var products = 0.0
    public var attention = 0.0
    /// Embeddings, norms, gates, rotations: all else of a forward pass.
    public var rest = 0.0
    /// The choice of tokens, the grammar's masks included.
    public var sampling = 0.0
}

/// Adds up phases; a stopwatch of a few dozen nanoseconds.
final class PhaseClock: Sendable {
    private let seconds = Mutex(PhaseSeconds())

    var total: PhaseSeconds { seconds.withLock { $0 } }

    func measure<Result>(
        _ phase: WritableKeyPath<PhaseSeconds, Double>, _ body: () throws -> Result
    ) rethrows -> Result {
        let start = ContinuousClock.now
        let result = try body()
        add((ContinuousClock.now - start) / .seconds(1), to: phase)
        return result
    }

    func add(_ passed: Double, to phase: WritableKeyPath<PhaseSeconds, Double>) {
        seconds.withLock { $0[keyPath: phase] += passed }
    }
}
