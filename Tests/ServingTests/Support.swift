import Foundation
import NIOCore
import NIOPosix
import PythonRepair
import PythonSandbox
import StatefulTools
import TestSupport
import Tools

@testable import Serving

/// A task whose repair is known.
let addTask = RepairTask(
    id: "add", prompt: "Add two numbers.", program: "def add(a, b):\n    return a - b\n",
    tests: .statements(["assert add(1, 2) == 3", "assert add(0, 0) == 0"]), hiddenTests: ["assert add(5, 5) == 10"])
let fix = "### REPW 2 >>>- >>>+"

extension EnvironmentOptions {
    /// Episodes that end when the player says EXIT, as in the paper.
    static let untilExit = EnvironmentOptions(episode: EpisodeOptions(endsAtFirstPass: false, prompt: .compact))
}

/// Runs `body` against an environment server on a free port, and takes it down again.
func withEnvironment<Result: Sendable>(
    tasks: [any Tool]? = nil, options: EnvironmentOptions = .untilExit,
    limits: ServerLimits = ServerLimits(), token: String? = nil, host: String = "127.0.0.1",
    _ body: (HTTPServer, EnvironmentServer) async throws -> Result
) async throws -> Result {
    let sandbox = try await PythonSandbox()
    do {
        let tasks = try await EnvironmentTasks(tasks ?? [PythonRepair(addTask)], toolbox: .standard)
        let environment = EnvironmentServer(tasks: tasks, sandbox: sandbox, options: options)
        let server = try await HTTPServer(
            environment, host: host, port: 0, access: AccessRules(host: host, token: token), limits: limits)
        let result: Result
        do {
            result = try await body(server, environment)
        } catch {
            await server.shutdown()
            throw error
        }
        await server.shutdown()
        await sandbox.shutdown()
        return result
    } catch {
        await sandbox.shutdown()
        throw error
    }
}

/// A client that sends exactly the bytes it is given.
struct RawClient {
    let channel: any Channel
    private let received: AsyncStream<[UInt8]>.Iterator

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        let continuation: AsyncStream<[UInt8]>.Continuation

        init(_ continuation: AsyncStream<[UInt8]>.Continuation) { self.continuation = continuation }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            continuation.yield(Array(unwrapInboundIn(data).readableBytesView))
        }
        func channelInactive(context: ChannelHandlerContext) { continuation.finish() }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    init(port: Int) async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(continuation))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        received = stream.makeAsyncIterator()
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    /// What has come until the connection ends, or until `isEnough`.
    func receive(within seconds: Double = 10, until isEnough: (String) -> Bool = { _ in false }) async -> String {
        String(
            decoding: await receiveBytes(within: seconds) { isEnough(String(decoding: $0, as: UTF8.self)) },
            as: UTF8.self)
    }

    func receiveBytes(within seconds: Double = 10, until isEnough: ([UInt8]) -> Bool) async -> [UInt8] {
        let timer = Task { [channel] in
            try await Task.sleep(for: .seconds(seconds))
            try await channel.close()
        }
        defer { timer.cancel() }
        var bytes: [UInt8] = []
        var iterator = received
        while let part = await iterator.next() {
            bytes += part
            if isEnough(bytes) { break }
        }
        return bytes
    }

    func close() async { try? await channel.close() }
}

/// A WebSocket client of a few lines, so that tests can break its rules.
struct SocketClient {
    let raw: RawClient
    /// What has come and was not asked for yet: a server may speak in the same packet that ends its handshake.
    private let pending = Pending()

    private final class Pending: @unchecked Sendable {
        var bytes: [UInt8] = []
    }

    init(port: Int, path: String = "/ws", headers: String = "") async throws {
        raw = try await RawClient(port: port)
        try await raw.send(
            "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\(headers)\r\n")
        let end = Array("\r\n\r\n".utf8)
        let answer = await raw.receiveBytes { $0.firstRange(of: end) != nil }
        if let range = answer.firstRange(of: end) { pending.bytes = Array(answer[range.upperBound...]) }
    }

    /// A frame as clients send it, masked with zeros, which leaves the payload as it is; or as no client may send it.
    static func frame(
        _ payload: [UInt8], opcode: UInt8 = 1, fin: Bool = true, isMasked: Bool = true
    ) -> [UInt8] {
        if !isMasked { return [(fin ? 0x80 : 0) | opcode, UInt8(payload.count)] + payload }
        var bytes: [UInt8] = [(fin ? 0x80 : 0) | opcode]
        switch payload.count {
        case ..<126: bytes.append(0x80 | UInt8(payload.count))
        case ..<65536: bytes += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default:
            bytes.append(0x80 | 127)
            bytes += (0..<8).reversed().map { UInt8(truncatingIfNeeded: payload.count >> ($0 * 8)) }
        }
        return bytes + [0, 0, 0, 0] + payload
    }

    func send(_ text: String) async throws { try await raw.send(Self.frame(Array(text.utf8))) }

    /// The text of the next message, empty when the connection ends before one; frames of servers are not masked.
    func receive(within seconds: Double = 10) async -> String {
        while true {
            while let (opcode, payload) = nextFrame() {
                if opcode == 1 { return String(decoding: payload, as: UTF8.self) }
                if opcode == 8 { return "" }
            }
            let more = await raw.receiveBytes(within: seconds) { !$0.isEmpty }
            if more.isEmpty { return "" }
            pending.bytes += more
        }
    }

    /// Takes a whole frame from what has come.
    private func nextFrame() -> (opcode: UInt8, payload: [UInt8])? {
        let bytes = pending.bytes
        guard bytes.count >= 2 else { return nil }
        let extra = bytes[1] == 126 ? 2 : bytes[1] == 127 ? 8 : 0
        guard bytes.count >= 2 + extra else { return nil }
        let length = extra == 0 ? Int(bytes[1]) : bytes[2..<2 + extra].reduce(0) { $0 << 8 | Int($1) }
        guard bytes.count >= 2 + extra + length else { return nil }
        pending.bytes = Array(bytes[(2 + extra + length)...])
        return (bytes[0] & 0xF, Array(bytes[(2 + extra)..<2 + extra + length]))
    }

    func ask(_ text: String) async throws -> String {
        try await send(text)
        return await receive()
    }
}

/// A step over the WebSocket.
func step(_ command: String) -> String {
    #"{"type":"step","data":{"command":"\#(command)"}}"#
}

struct HTTPAnswer {
    var status: Int
    var text: String
    var headers: [String: String]
}

/// One request on a connection of its own.
func request(
    _ port: Int, _ method: String, _ path: String, body: String? = nil, headers: [String: String] = [:]
) async throws -> HTTPAnswer {
    let client = try await RawClient(port: port)
    var head = "\(method) \(path) HTTP/1.1\r\n"
    if headers["Host"] == nil { head += "Host: 127.0.0.1:\(port)\r\n" }
    for (name, value) in headers { head += "\(name): \(value)\r\n" }
    if let body { head += "Content-Length: \(body.utf8.count)\r\n" }
    try await client.send(head + "Connection: close\r\n\r\n" + (body ?? ""))
    let text = await client.receive()
    await client.close()
    let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
    let lines = (parts.first ?? "").split(separator: "\r\n")
    var fields: [String: String] = [:]
    for line in lines.dropFirst() {
        let sides = line.split(separator: ":", maxSplits: 1)
        fields[sides[0].lowercased()] = sides.count > 1 ? sides[1].trimmingCharacters(in: .whitespaces) : ""
    }
    let status = lines.first.flatMap { $0.split(separator: " ").dropFirst().first.flatMap { Int($0) } } ?? 0
    return HTTPAnswer(status: status, text: parts.count > 1 ? String(parts[1]) : "", headers: fields)
}

func request(_ port: Int, _ path: String, headers: [String: String] = [:]) async throws -> HTTPAnswer {
    try await request(port, "GET", path, headers: headers)
}

func json(_ text: String) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
}
