/// What one client may ask of a server.
public struct ServerLimits: Hashable, Sendable {
    /// Bytes of a request's body, and of one WebSocket message.
    public var bodyBytes: Int
    /// The most connections at the same time; further ones are closed at once.
    public var connections: Int
    /// Seconds in which a request must be complete.
    public var requestSeconds: Int64
    /// Seconds that a connection is kept for the next request.
    public var keepAliveSeconds: Int64
    /// Seconds in which a client must take what it is sent.
    public var stallSeconds: Int64
    /// Seconds in which an answer must begin after the client has closed its side of the connection.
    public var halfClosedSeconds: Int64
    /// Seconds of silence after which the server pings a WebSocket. It closes one that stays silent for as long again,
    /// so half-open connections are gone after twice this time.
    public var heartbeatSeconds: Int64
    /// Messages of one WebSocket that wait while an earlier one is answered.
    public var waitingMessages: Int

    /// The defaults suit short requests.
    public init(
        bodyBytes: Int = 1 << 20, connections: Int = 4096, requestSeconds: Int64 = 30, keepAliveSeconds: Int64 = 75,
        stallSeconds: Int64 = 30, halfClosedSeconds: Int64 = 10, heartbeatSeconds: Int64 = 20,
        waitingMessages: Int = 32
    ) {
        self.bodyBytes = bodyBytes
        self.connections = connections
        self.requestSeconds = requestSeconds
        self.keepAliveSeconds = keepAliveSeconds
        self.stallSeconds = stallSeconds
        self.halfClosedSeconds = halfClosedSeconds
        self.heartbeatSeconds = heartbeatSeconds
        self.waitingMessages = waitingMessages
    }
}
