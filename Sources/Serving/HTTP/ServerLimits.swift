/// What one client may ask of a server.
public struct ServerLimits: Hashable, Sendable {
    /// Bytes of a request's body, and of one WebSocket message.
    public var bodyBytes: Int
    /// Connections at the same time; further ones are closed at once.
    public var connections: Int
    /// Seconds in which a request must be complete.
    public var requestSeconds: Int64
    /// Seconds that a connection is kept for the next request.
    public var keepAliveSeconds: Int64
    /// Seconds in which a client must take what it is sent.
    public var stallSeconds: Int64
    /// A WebSocket that was silent for so many seconds is asked for a sign of life, and closed when none comes in the
    /// same time again: half-open connections are gone after twice this time.
    public var heartbeatSeconds: Int64
    /// Messages of one WebSocket that wait while an earlier one is answered.
    public var waitingMessages: Int

    public init(
        bodyBytes: Int = 1 << 20, connections: Int = 4096, requestSeconds: Int64 = 30, keepAliveSeconds: Int64 = 75,
        stallSeconds: Int64 = 30, heartbeatSeconds: Int64 = 20, waitingMessages: Int = 32
    ) {
        self.bodyBytes = bodyBytes
        self.connections = connections
        self.requestSeconds = requestSeconds
        self.keepAliveSeconds = keepAliveSeconds
        self.stallSeconds = stallSeconds
        self.heartbeatSeconds = heartbeatSeconds
        self.waitingMessages = waitingMessages
    }
}
