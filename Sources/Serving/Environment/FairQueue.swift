import Synchronization

/// Lets a limited number of jobs run at once, and shares the turns fairly: each key that waits gets one job before any
/// key gets a second.
final class FairQueue: Sendable {
    private struct State {
        var running = 0
        /// Keys that wait, in the order of their turns; each once.
        var turns: [String] = []
        var waiting: [String: [(id: Int, continuation: CheckedContinuation<Bool, Never>)]] = [:]
        var count = 0
        var nextID = 0
        /// Cancelled before they began to wait.
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Jobs that run, and that wait.
    var load: (running: Int, waiting: Int) { state.withLock { ($0.running, $0.count) } }

    /// Runs `body` when it is the key's turn.
    ///
    /// - Throws: `CancellationError` when cancelled while it waits, and what `body` throws.
    func run<Result: Sendable>(
        for key: String, _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        try await enter(key)
        defer { leave() }
        try Task.checkCancellation()
        return try await body()
    }

    private func enter(_ key: String) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let isAdmitted = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> Bool? in
                    if state.cancelled.remove(id) != nil { return false }
                    if state.running < limit {
                        state.running += 1
                        return true
                    }
                    if state.waiting[key, default: []].isEmpty { state.turns.append(key) }
                    state.waiting[key, default: []].append((id, continuation))
                    state.count += 1
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            cancel(id, key)
        }
        // The cancellation may have come after the turn.
        state.withLock { _ = $0.cancelled.remove(id) }
        if !isAdmitted { throw CancellationError() }
    }

    private func cancel(_ id: Int, _ key: String) {
        let continuation = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard let place = state.waiting[key]?.firstIndex(where: { $0.id == id }) else {
                state.cancelled.insert(id)
                return nil
            }
            let continuation = state.waiting[key]?.remove(at: place).continuation
            state.count -= 1
            if state.waiting[key]?.isEmpty == true {
                state.waiting[key] = nil
                state.turns.removeAll { $0 == key }
            }
            return continuation
        }
        continuation?.resume(returning: false)
    }

    private func leave() {
        let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard !state.turns.isEmpty else {
                state.running -= 1
                return nil
            }
            let key = state.turns.removeFirst()
            let continuation = state.waiting[key]?.removeFirst().continuation
            state.count -= 1
            if state.waiting[key]?.isEmpty == true { state.waiting[key] = nil } else { state.turns.append(key) }
            return continuation
        }
        next?.resume(returning: true)
    }
}
