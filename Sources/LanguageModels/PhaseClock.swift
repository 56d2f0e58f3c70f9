import Synchronization

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
