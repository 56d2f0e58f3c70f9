public import Foundation
import NIOCore
public import NIOHTTP1
import Synchronization

/// One request, read to its end.
public struct HTTPRequest: Sendable {
    /// The method.
    public var method: HTTPMethod
    /// Without the query.
    public var path: String
    /// The query's fields, decoded.
    public var query: [String: String]
    /// The headers.
    public var headers: HTTPHeaders
    /// The whole body.
    public var body: Data
    /// The client's address without its port; for shares and limits, never for trust.
    public var client: String

    /// Who shares: the client by its address and token.
    var caller: String { "\(client) \(headers["authorization"].joined())" }

    init(head: HTTPRequestHead, body: Data, client: String) {
        method = head.method
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(parts[0])
        query = [:]
        for pair in parts.dropFirst().joined().split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let decoded = sides.map { $0.replacing("+", with: " ").removingPercentEncoding ?? String($0) }
            query[decoded[0]] = decoded.count > 1 ? decoded[1] : ""
        }
        headers = head.headers
        self.body = body
        self.client = client
    }
}

/// What answers a request.
public struct HTTPResponse: Sendable {
    /// The bytes that follow the headers.
    public enum Body: Sendable {
        case data(Data)
        /// Written piece by piece; the task is cancelled when the client leaves. Before its first piece the body may throw
        /// an ``HTTPRefusal``.
        case stream(@Sendable (ResponseWriter) async throws -> Void)
    }

    /// The status.
    public var status: HTTPResponseStatus
    /// The headers; the server adds those of the transport.
    public var headers: HTTPHeaders
    /// The body.
    public var body: Body

    /// A response; 200 where nothing else is said.
    public init(status: HTTPResponseStatus = .ok, headers: HTTPHeaders = [:], body: Body) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A value as JSON, with keys in snake case.
    public static func json(
        _ value: some Encodable, status: HTTPResponseStatus = .ok, headers: HTTPHeaders = [:]
    ) -> HTTPResponse {
        var headers = headers
        headers.replaceOrAdd(name: "content-type", value: "application/json")
        return HTTPResponse(status: status, headers: headers, body: .data(encoded(value)))
    }

    /// Plain text, or text of another type.
    public static func text(
        _ text: String, type: String = "text/plain; charset=utf-8", status: HTTPResponseStatus = .ok
    ) -> HTTPResponse {
        HTTPResponse(status: status, headers: ["content-type": type], body: .data(Data(text.utf8)))
    }

    /// A fault as `{"detail": sentence}`.
    public static func fault(_ status: HTTPResponseStatus, _ sentence: String) -> HTTPResponse {
        .json(["detail": sentence], status: status)
    }

    /// Server-sent events.
    public static func events(_ body: @escaping @Sendable (ResponseWriter) async throws -> Void) -> HTTPResponse {
        HTTPResponse(
            headers: ["content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no"],
            body: .stream(body))
    }
}

/// JSON with keys in snake case, sorted so that equal values have equal bytes.
public func encoded(_ value: some Encodable) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    // Strings, numbers and containers can always be encoded.
    return (try? encoder.encode(value)) ?? Data("null".utf8)
}

/// What a streamed response turns into when its body throws this before it has written anything.
public struct HTTPRefusal: Error {
    /// The answer in place of the stream.
    public var response: HTTPResponse

    /// - Parameter response: The answer in place of the stream.
    public init(_ response: HTTPResponse) { self.response = response }
}

/// The head of a streamed response, which goes out with the first piece of its body.
final class PendingHead: Sendable {
    private let head: Mutex<HTTPResponseHead?>

    init(_ head: HTTPResponseHead) { self.head = Mutex(head) }

    /// The head, once.
    func take() -> HTTPResponseHead? {
        head.withLock { head in
            defer { head = nil }
            return head
        }
    }
}

/// Writes the body of a streamed response.
public struct ResponseWriter: Sendable {
    let channel: any Channel
    let limits: ServerLimits
    let head: PendingHead

    /// Sends a piece and waits until the socket has taken it, so that a slow reader slows its writer.
    ///
    /// - Throws: when the client has left or takes nothing for ``ServerLimits/stallSeconds``.
    public func write(_ piece: String) async throws {
        try Task.checkCancellation()
        if let head = head.take() { channel.write(HTTPServerResponsePart.head(head), promise: nil) }
        let part = HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: piece)))
        try await writeAndWait(part, on: channel, limits)
    }

    /// Sends one server-sent event whose data is a value as JSON.
    public func send(event: String? = nil, _ value: some Encodable) async throws {
        let name = event.map { "event: \($0)\n" } ?? ""
        try await write("\(name)data: \(String(decoding: encoded(value), as: UTF8.self))\n\n")
    }
}

/// Writes and waits for the socket; closes one that takes nothing for ``ServerLimits/stallSeconds``.
func writeAndWait(_ part: some Sendable, on channel: any Channel, _ limits: ServerLimits) async throws {
    let timer = channel.eventLoop.scheduleTask(in: .seconds(limits.stallSeconds)) {
        channel.close(promise: nil)
    }
    defer { timer.cancel() }
    try await channel.writeAndFlush(part)
}
