import Synchronization

/// The time by which a call must be answered.
struct Deadline: Sendable {
    private var limit: (instant: ContinuousClock.Instant, seconds: Double)?

    static let never = Deadline(seconds: nil)

    /// - Parameter seconds: from now; nil for no limit.
    init(seconds: Double?) {
        limit = seconds.map { (.now + .seconds(min($0, 86_400)), $0) }
    }

    /// The result of `body`.
    ///
    /// A body that is late is cancelled, and comes to its end on its own: a sandbox does not stop at once.
    ///
    /// - Throws: ``WireError`` when the body is late, and what the body throws.
    func run<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
        guard let limit else { return try await body() }
        let working = Task { try await body() }
        let race = Race<Result>()
        let timer = Task {
            try await Task.sleep(until: limit.instant)
            race.finish(.failure(WireError(.execution, "The call took longer than \(limit.seconds) seconds.")))
            working.cancel()
        }
        Task { race.finish(await working.result) }
        defer { timer.cancel() }
        return try await withTaskCancellationHandler {
            try await race.result()
        } onCancel: {
            working.cancel()
        }
    }

    /// Takes the first of several results.
    private final class Race<Value: Sendable>: Sendable {
        private enum State {
            case running
            case waiting(CheckedContinuation<Value, any Error>)
            case finished(Result<Value, any Error>)
        }

        private let state = Mutex(State.running)

        func finish(_ result: Result<Value, any Error>) {
            let continuation = state.withLock { state -> CheckedContinuation<Value, any Error>? in
                switch state {
                case .running: state = .finished(result)
                case .finished: break
                case .waiting(let continuation):
                    state = .finished(result)
                    return continuation
                }
                return nil
            }
            continuation?.resume(with: result)
        }

        func result() async throws -> Value {
            try await withCheckedThrowingContinuation { continuation in
                let result = state.withLock { state -> Result<Value, any Error>? in
                    if case .finished(let result) = state { return result }
                    state = .waiting(continuation)
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        }
    }
}
