import Synchronization

extension Generator {
    /// Whether a request's task was cancelled, known without waiting for the generator.
    final class Cancellation: Sendable {
        private let flag = Atomic(false)

        var isRequested: Bool { flag.load(ordering: .relaxed) }

        func request() { flag.store(true, ordering: .relaxed) }
    }
}
