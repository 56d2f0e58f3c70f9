import Synchronization

/// Counts the requests that are being answered, until their answers are written.
final class RunningCalls: Sendable {
    private let running = Atomic(0)

    var count: Int { running.load(ordering: .relaxed) }
    func begin() { running.add(1, ordering: .relaxed) }
    func end() { running.subtract(1, ordering: .relaxed) }
}
