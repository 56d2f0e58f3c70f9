import Synchronization

/// Lets a limited number of jobs run at once, and shares the turns fairly: each client that waits gets one job before any
/// gets a second, and so does each of a client's keys.
///
/// No client, and no key, may hold all places: somebody who comes anew finds one free.
final class FairQueue: Sendable {
    /// Who asks for a turn.
    struct Key: Hashable, Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
        /// The client, by its address and token.
        var client: String
        /// Its session; the same for all calls without one.
        var session = ""

        init(client: String, session: String = "") {
            self.client = client
            self.session = session
        }

        init(stringLiteral client: String) { self.init(client: client) }
    }

    private struct Job {
        var id: Int
        var key: Key
        var continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var running = 0
        var runningOfKey: [Key: Int] = [:]
        var runningOfClient: [String: Int] = [:]
        /// In the order of their coming.
        var waiting: [Job] = []
        /// How many jobs were begun when a client, or a key, last got a turn.
        var turnOfClient: [String: Int] = [:]
        var turnOfKey: [Key: Int] = [:]
        var begun = 0
        var nextID = 0
        /// Cancelled before they began to wait.
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())
    private let limit, clientLimit, keyLimit: Int

    /// - Parameters:
    ///   - limit: The most jobs at once.
    ///   - clientLimit: The most of one client; `limit` when nil.
    ///   - keyLimit: The most of one key; `clientLimit` when nil.
    init(limit: Int, clientLimit: Int? = nil, keyLimit: Int? = nil) {
        self.limit = limit
        self.clientLimit = clientLimit ?? limit
        self.keyLimit = keyLimit ?? self.clientLimit
    }

    /// Jobs that run, and that wait.
    var load: (running: Int, waiting: Int) { state.withLock { ($0.running, $0.waiting.count) } }

    /// Runs `body` when it is the key's turn.
    ///
    /// - Throws: `CancellationError` when cancelled while it waits, and what `body` throws.
    func run<Result: Sendable>(for key: Key, _ body: @Sendable () async throws -> Result) async throws -> Result {
        try await enter(key)
        defer { leave(key) }
        try Task.checkCancellation()
        return try await body()
    }

    private func enter(_ key: Key) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let isAdmitted = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> Bool? in
                    if state.cancelled.remove(id) != nil { return false }
                    if mayRun(key, state) {
                        begin(key, &state)
                        return true
                    }
                    state.waiting.append(Job(id: id, key: key, continuation: continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            cancel(id)
        }
        // The cancellation may have come after the turn.
        state.withLock { _ = $0.cancelled.remove(id) }
        if !isAdmitted { throw CancellationError() }
    }

    private func mayRun(_ key: Key, _ state: State) -> Bool {
        state.running < limit && state.runningOfClient[key.client, default: 0] < clientLimit
            && state.runningOfKey[key, default: 0] < keyLimit
    }

    private func begin(_ key: Key, _ state: inout State) {
        state.running += 1
        state.runningOfClient[key.client, default: 0] += 1
        state.runningOfKey[key, default: 0] += 1
        state.begun += 1
        state.turnOfClient[key.client] = state.begun
        state.turnOfKey[key] = state.begun
    }

    private func cancel(_ id: Int) {
        let continuation = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard let place = state.waiting.firstIndex(where: { $0.id == id }) else {
                state.cancelled.insert(id)
                return nil
            }
            return state.waiting.remove(at: place).continuation
        }
        continuation?.resume(returning: false)
    }

    private func leave(_ key: Key) {
        let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            state.running -= 1
            state.runningOfClient[key.client] = state.runningOfClient[key.client].flatMap { $0 > 1 ? $0 - 1 : nil }
            state.runningOfKey[key] = state.runningOfKey[key].flatMap { $0 > 1 ? $0 - 1 : nil }
            let order = state.waiting.indices.filter { mayRun(state.waiting[$0].key, state) }.min { first, second in
                let (a, b) = (state.waiting[first].key, state.waiting[second].key)
                let turnA = (state.turnOfClient[a.client] ?? 0, state.turnOfKey[a] ?? 0, first)
                let turnB = (state.turnOfClient[b.client] ?? 0, state.turnOfKey[b] ?? 0, second)
                return turnA < turnB
            }
            let job = order.map { state.waiting.remove(at: $0) }
            if let job { begin(job.key, &state) }
            // Turns count among those who are here.
            if state.waiting.isEmpty {
                state.turnOfClient = state.turnOfClient.filter { state.runningOfClient[$0.key] != nil }
                state.turnOfKey = state.turnOfKey.filter { state.runningOfKey[$0.key] != nil }
            }
            return job?.continuation
        }
        next?.resume(returning: true)
    }
}
