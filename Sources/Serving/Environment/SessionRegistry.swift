import Synchronization

/// The sessions of a server: how many there may be, and who is still there.
final class SessionRegistry: Sendable {
    struct Entry: Sendable {
        var session: EnvironmentSession
        /// The WebSocket that the session belongs to; nil for one that was made by a call.
        var socket: WebSocketHandle?
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var isDraining = false
    }

    private let state = Mutex(State())
    let limit: Int

    init(limit: Int) { self.limit = limit }

    var count: Int { state.withLock { $0.entries.count } }
    var all: [Entry] { state.withLock { Array($0.entries.values) } }
    var isDraining: Bool { state.withLock { $0.isDraining } }

    /// Adds a session unless all places are taken or the server drains.
    func add(_ session: EnvironmentSession, socket: WebSocketHandle?) throws(WireError) {
        let error = state.withLock { state -> WireError? in
            if state.isDraining { return WireError(.session, "The server is shutting down.") }
            guard state.entries.count < limit else {
                var error = WireError(
                    .capacity, "All \(limit) sessions of this server are in use; try again later.")
                error.activeSessions = state.entries.count
                error.maxSessions = limit
                return error
            }
            state.entries[session.id] = Entry(session: session, socket: socket)
            return nil
        }
        if let error { throw error }
    }

    /// A session made by a call; those of WebSockets belong to their connection alone.
    func session(_ id: String) -> EnvironmentSession? {
        state.withLock { $0.entries[id].flatMap { $0.socket == nil ? $0.session : nil } }
    }

    @discardableResult
    func remove(_ id: String) -> Bool { state.withLock { $0.entries.removeValue(forKey: id) != nil } }

    func beginDraining() { state.withLock { $0.isDraining = true } }
}
