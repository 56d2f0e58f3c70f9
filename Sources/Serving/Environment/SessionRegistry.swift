import Synchronization

/// The sessions of a server: how many there may be, and who is still there.
final class SessionRegistry: Sendable {
    struct Entry: Sendable {
        var session: EnvironmentSession
        /// The WebSocket that plays the session.
        var socket: WebSocketHandle?
        /// Whether a call made the session: calls can name it, and it outlives its WebSocket.
        var isNamed: Bool
        /// Whether the session ends with its WebSocket because a call asked for it.
        var isClosing = false
    }

    /// What became of a session that a call closes.
    enum Closing { case closed, atDetach, unknown }

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
    ///
    /// - Parameter socket: the WebSocket that it belongs to; nil for a session that calls can name.
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
            state.entries[session.id] = Entry(session: session, socket: socket, isNamed: socket == nil)
            return nil
        }
        if let error { throw error }
    }

    /// Lets a WebSocket play a session that a call made; one at a time.
    func attach(_ socket: WebSocketHandle, to id: String) throws(WireError) -> EnvironmentSession {
        let result = state.withLock { state -> Result<EnvironmentSession, WireError> in
            guard let entry = state.entries[id], entry.isNamed, !entry.isClosing else { return .failure(.noSession) }
            if entry.socket != nil {
                return .failure(WireError(.session, "Another WebSocket plays this session already."))
            }
            state.entries[id]?.socket = socket
            return .success(entry.session)
        }
        return try result.get()
    }

    /// The WebSocket of a session is gone: a session of its own ends, and one that a call made goes on.
    func detach(_ id: String) {
        state.withLock { state in
            guard let entry = state.entries[id] else { return }
            if entry.isNamed && !entry.isClosing {
                state.entries[id]?.socket = nil
            } else {
                state.entries[id] = nil
            }
        }
    }

    /// Closes a session that a call made; one with a WebSocket ends with that.
    func close(_ id: String) -> Closing {
        state.withLock { state in
            guard let entry = state.entries[id], entry.isNamed, !entry.isClosing else { return .unknown }
            if entry.socket == nil {
                state.entries[id] = nil
                return .closed
            }
            state.entries[id]?.isClosing = true
            return .atDetach
        }
    }

    /// The session of this id, where a call made it; others belong to their connection alone.
    func session(_ id: String) -> EnvironmentSession? {
        state.withLock { $0.entries[id].flatMap { $0.isNamed && !$0.isClosing ? $0.session : nil } }
    }

    @discardableResult
    func remove(_ id: String) -> Bool { state.withLock { $0.entries.removeValue(forKey: id) != nil } }

    func beginDraining() { state.withLock { $0.isDraining = true } }
}
