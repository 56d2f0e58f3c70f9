/// What a server answers: requests, and WebSockets on some paths.
public protocol HTTPService: Sendable {
    /// Answers a request. Cancelled when the client leaves.
    func respond(to request: HTTPRequest) async -> HTTPResponse

    /// Whether a WebSocket may be opened on this path.
    func offersWebSocket(_ path: String) -> Bool

    /// Begins a conversation over a WebSocket; `request` is the one that opened it.
    func open(_ request: HTTPRequest, on socket: WebSocketHandle) async -> any WebSocketConversation

    /// Begins nothing new, and returns when everything that runs has ended.
    func drain() async
}

extension HTTPService {
    /// No WebSockets.
    public func offersWebSocket(_ path: String) -> Bool { false }

    /// Never called where no WebSocket is offered.
    public func open(_ request: HTTPRequest, on socket: WebSocketHandle) async -> any WebSocketConversation {
        preconditionFailure("no WebSocket is offered")
    }

    /// Waits for nothing; the server itself waits for running requests.
    public func drain() async {}
}

/// One conversation over a WebSocket; its calls come one after the other.
public protocol WebSocketConversation: Sendable {
    /// What is sent before the first message, if anything.
    func greeting() async -> WebSocketReply

    /// Answers a message. Cancelled when the client leaves.
    func answer(_ message: String) async -> WebSocketReply

    /// The connection is gone. Called exactly once.
    func end() async
}

/// What is sent, and whether the connection is closed then.
public struct WebSocketReply: Sendable {
    /// A text message; nil for none.
    public var message: String?
    /// A close code (RFC 6455, 7.4).
    public var close: UInt16?

    /// A reply; without arguments it says nothing.
    public init(message: String? = nil, close: UInt16? = nil) {
        self.message = message
        self.close = close
    }

    static func message(_ value: some Encodable, close: UInt16? = nil) -> WebSocketReply {
        WebSocketReply(message: String(decoding: encoded(value), as: UTF8.self), close: close)
    }
}
