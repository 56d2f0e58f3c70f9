import Foundation
import NIOCore
import NIOPosix

/// A client's end of a connection, of raw bytes or of WebSocket frames: as small as can be, so that a load test
/// measures the server, and free to break every rule.
final class LoadConnection: Sendable {
    struct Closed: Error {}

    private let channel: any Channel
    private let pieces: Pieces

    /// Bytes as they come.
    private actor Pieces {
        private var bytes: [UInt8] = []
        private var isClosed = false
        private var waiting: CheckedContinuation<Void, Never>?

        func append(_ new: [UInt8]) {
            bytes += new
            wake()
        }

        func close() {
            isClosed = true
            wake()
        }

        private func wake() {
            waiting?.resume()
            waiting = nil
        }

        /// Takes what `body` finds complete; waits for more until then.
        func next<Result: Sendable>(_ body: @Sendable (inout [UInt8]) -> Result?) async throws -> Result {
            while true {
                if let result = body(&bytes) { return result }
                if isClosed { throw Closed() }
                await withCheckedContinuation { waiting = $0 }
            }
        }

        func rest() async -> [UInt8] {
            while !isClosed { await withCheckedContinuation { waiting = $0 } }
            return bytes
        }
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let continuation: AsyncStream<[UInt8]>.Continuation

        init(_ continuation: AsyncStream<[UInt8]>.Continuation) { self.continuation = continuation }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            continuation.yield(Array(unwrapInboundIn(data).readableBytesView))
        }

        func channelInactive(context: ChannelHandlerContext) { continuation.finish() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    init(host: String, port: Int) async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(30))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(continuation))
                }
            }
            .connect(host: host, port: port).get()
        let pieces = Pieces()
        self.pieces = pieces
        Task {
            for await piece in stream { await pieces.append(piece) }
            await pieces.close()
        }
    }

    /// A WebSocket that is open.
    static func webSocket(host: String, port: Int, path: String = "/ws") async throws -> LoadConnection {
        let connection = try await LoadConnection(host: host, port: port)
        try await connection.send(Array(upgrade(path: path, host: host, port: port).utf8))
        let isOpen = try await connection.pieces.next { bytes -> Bool? in
            guard let end = bytes.firstRange(of: "\r\n\r\n".utf8) else { return nil }
            let isOpen = bytes.starts(with: "HTTP/1.1 101".utf8)
            bytes.removeSubrange(..<end.upperBound)
            return isOpen
        }
        if !isOpen { throw Closed() }
        return connection
    }

    static func upgrade(path: String, host: String, port: Int) -> String {
        "GET \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    }

    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    /// Sends a message and waits for the one that answers it; pings are answered on the way.
    func ask(_ text: String) async throws -> String {
        try await send(Self.frame(Array(text.utf8)))
        while true {
            let (opcode, payload) = try await pieces.next(Self.takeFrame)
            switch opcode {
            case 1: return String(decoding: payload, as: UTF8.self)
            case 8: throw Closed()
            case 9: try await send(Self.frame(payload, opcode: 10))
            default: break
            }
        }
    }

    /// Everything until the server closes, or until `seconds` are over.
    func rest(within seconds: Double) async -> [UInt8] {
        let channel = channel
        let timer = channel.eventLoop.scheduleTask(in: .milliseconds(Int64(seconds * 1000))) {
            channel.close(promise: nil)
        }
        defer { timer.cancel() }
        return await pieces.rest()
    }

    func close() { channel.close(promise: nil) }

    /// A frame as clients send it, masked by zeros, which leaves the payload as it is.
    static func frame(_ payload: [UInt8], opcode: UInt8 = 1) -> [UInt8] {
        var bytes: [UInt8] = [0x80 | opcode]
        switch payload.count {
        case ..<126: bytes.append(0x80 | UInt8(payload.count))
        case ..<65536: bytes += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default:
            bytes.append(0x80 | 127)
            bytes += (0..<8).reversed().map { UInt8(truncatingIfNeeded: payload.count >> ($0 * 8)) }
        }
        return bytes + [0, 0, 0, 0] + payload
    }

    /// The first frame of a server, which is not masked; nil while it is incomplete.
    @Sendable private static func takeFrame(_ bytes: inout [UInt8]) -> (UInt8, [UInt8])? {
        guard bytes.count >= 2 else { return nil }
        var start = 2
        var count = Int(bytes[1] & 0x7F)
        if count >= 126 {
            let width = count == 126 ? 2 : 8
            guard bytes.count >= 2 + width else { return nil }
            count = bytes[2..<2 + width].reduce(0) { $0 << 8 | Int($1) }
            start += width
        }
        guard bytes.count >= start + count else { return nil }
        defer { bytes.removeSubrange(..<(start + count)) }
        return (bytes[0] & 0x0F, Array(bytes[start..<start + count]))
    }
}

/// One GET or POST on a connection of its own; the whole answer as text.
func call(_ host: String, _ port: Int, _ path: String, body: String? = nil) async throws -> String {
    try await request(host, port, path, body.map { Data($0.utf8) })
}

/// One POST on a connection of its own; the whole answer, head and all, as text.
func post(_ host: String, _ port: Int, _ path: String, _ body: Data) async throws -> String {
    try await request(host, port, path, body)
}

private func request(_ host: String, _ port: Int, _ path: String, _ body: Data?) async throws -> String {
    let connection = try await LoadConnection(host: host, port: port)
    let length = body.map { "Content-Length: \($0.count)\r\n" } ?? ""
    let head =
        "\(body == nil ? "GET" : "POST") \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\n\(length)Connection: close\r\n\r\n"
    try await connection.send(Array(head.utf8) + (body ?? Data()))
    return String(decoding: await connection.rest(within: 600), as: UTF8.self)
}

/// A gauge or counter of the server's /metrics.
func metric(_ name: String, _ host: String, _ port: Int) async throws -> Int? {
    try await call(host, port, "/metrics").split(whereSeparator: \.isNewline)
        .first { $0.hasPrefix(name + " ") }.flatMap { Int($0.split(separator: " ")[1]) }
}
