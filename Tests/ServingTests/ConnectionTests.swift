import Foundation
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import PythonSandbox
import StatefulTools
import Testing

@testable import Serving

/// Clients that leave, stall, flood or lie.
@Suite struct ConnectionTests {
    @Test func `connections that are dropped leave no session, no job and no connection behind`() async throws {
        try await withEnvironment { server, environment in
            for _ in 0..<20 {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for kind in 0..<10 {
                        group.addTask {
                            if kind < 5 {
                                let raw = try await RawClient(port: server.port)
                                if kind > 1 {
                                    try await raw.send("POST /reset HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-")
                                }
                                await raw.close()
                            } else {
                                let socket = try await SocketClient(port: server.port)
                                if kind > 6 { try await socket.send(#"{"type":"reset"}"#) }
                                if kind > 8 { _ = await socket.receive() }
                                await socket.raw.close()
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
            try await eventually { server.connectionCount == 0 && environment.sessionCount == 0 }
            try await eventually { environment.environment.queue.load == (0, 0) }
        }
    }

    @Test func `a half-open socket is closed after two heartbeats, one that answers pings is not`() async throws {
        try await withEnvironment(limits: ServerLimits(heartbeatSeconds: 1)) { server, environment in
            // It neither closes nor answers the ping.
            let silent = try await SocketClient(port: server.port)
            let polite = try await SocketClient(port: server.port)
            for _ in 0..<20 {
                try await polite.raw.send(SocketClient.frame([], opcode: 10))
                try await Task.sleep(for: .milliseconds(200))
            }
            #expect(environment.sessionCount == 1)
            #expect(try await polite.ask(#"{"type":"reset"}"#).contains("observation"))
            for socket in [silent, polite] { await socket.raw.close() }
        }
    }

    @Test func `an idle session is reaped and told why`() async throws {
        var options = EnvironmentOptions.untilExit
        options.idleSeconds = 0.2
        try await withEnvironment(options: options) { server, environment in
            let socket = try await SocketClient(port: server.port)
            let text = await socket.raw.receive(within: 5)
            #expect(text.contains("SESSION_ERROR"))
            let body = #"{"jsonrpc":"2.0","id":1,"method":"openenv/session/create"}"#
            _ = try await request(server.port, "POST", "/mcp", body: body)
            #expect(environment.sessionCount == 1)
            try await eventually { environment.sessionCount == 0 }
        }
    }

    @Test func `a drain lets a running episode end and closes the others`() async throws {
        try await withEnvironment { server, environment in
            let idle = try await SocketClient(port: server.port)
            let playing = try await SocketClient(port: server.port)
            _ = try await playing.ask(#"{"type":"reset"}"#)
            async let shutdown: Void = server.shutdown(drainSeconds: 20)
            #expect(await idle.raw.receive(within: 5).contains("shutting down"))
            _ = try await playing.ask(step(fix))
            let last = try await playing.ask(step("### EXIT"))
            #expect(last.contains(#""exit":"exit""#))
            let start = ContinuousClock.now
            await shutdown
            #expect(ContinuousClock.now - start < .seconds(5))
            #expect(server.connectionCount == 0)
        }
    }

    @Test func `a body beyond the limit is refused before it is read`() async throws {
        try await withEnvironment(limits: ServerLimits(bodyBytes: 1000)) { server, _ in
            let raw = try await RawClient(port: server.port)
            try await raw.send("POST /reset HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999999999\r\n\r\n{")
            #expect(await raw.receive().hasPrefix("HTTP/1.1 413"))
            let chunked = try await RawClient(port: server.port)
            try await chunked.send("POST /reset HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<3 { try? await chunked.send("190\r\n\(String(repeating: " ", count: 0x190))\r\n") }
            #expect(await chunked.receive().hasPrefix("HTTP/1.1 413"))
            let socket = try await SocketClient(port: server.port)
            try await socket.send(String(repeating: " ", count: 2000))
            // 1009: message too big.
            #expect(await socket.raw.receive().utf8.count < 10)
            #expect(try await request(server.port, "/health").status == 200)
        }
    }

    @Test func `a request that never ends is cut off`() async throws {
        try await withEnvironment(limits: ServerLimits(requestSeconds: 1)) { server, _ in
            let raw = try await RawClient(port: server.port)
            try await raw.send("GET /health HTTP/1.1\r\nHost: 127.")
            #expect(await raw.receive(within: 6) == "")
            try await eventually { server.connectionCount == 0 }
        }
    }

    @Test func `a client that floods without reading is cut off`() async throws {
        try await withEnvironment(limits: ServerLimits(waitingMessages: 8)) { server, environment in
            let socket = try await SocketClient(port: server.port)
            for _ in 0..<2000 where socket.raw.channel.isActive { try? await socket.send(#"{"type":"reset"}"#) }
            try await eventually { environment.sessionCount == 0 }
            #expect(try await request(server.port, "/health").status == 200)
            await socket.raw.close()
        }
    }

    @Test(arguments: [
        "\0\0\0\0", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "POST /step HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: \(String(repeating: "y", count: 100_000))\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ])
    func `bytes that are no HTTP do no harm`(_ bytes: String) async throws {
        try await withEnvironment { server, environment in
            let raw = try await RawClient(port: server.port)
            try? await raw.send(bytes)
            _ = await raw.receive(within: 1)
            await raw.close()
            #expect(try await request(server.port, "/health").status == 200)
            try await eventually { environment.sessionCount == 0 }
        }
    }

    @Test(arguments: [
        ("nonsense\r\n\r\n", [400]),
        ("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nnonsense\r\n\r\n", [200, 400]),
        ("POST /step HTTP/1.1\r\nHost: evil.example\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", [403]),
        ("POST /step HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", [400]),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: \(String(repeating: "y", count: 85_000))\r\n\r\n", [431]),
        ("POST /step HTTP/1.0\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n[]", [422]),
    ])
    func `a broken request gets one answer, after the answers before it`(_ text: String, _ codes: [Int]) async throws {
        try await withEnvironment { server, _ in
            for _ in 0..<10 {
                let raw = try await RawClient(port: server.port)
                try? await raw.send(text)
                let answers = await raw.receive(within: 5).matches(of: #/HTTP/1\.1 (\d+)/#)
                await raw.close()
                #expect(answers.map { Int($0.1) } == codes)
            }
        }
    }

    @Test(arguments: [true, false])
    func `a connection that becomes a WebSocket gets no answer to broken bytes`(_ isUpgrading: Bool) async throws {
        struct Silent: HTTPService {
            func respond(to request: HTTPRequest) async -> HTTPResponse { .text("here") }
        }
        let channel = NIOAsyncTestingChannel()
        try await channel.testingEventLoop.executeInContext {
            let log = RequestLog(Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let connection = HTTPConnection(
                service: Silent(), limits: ServerLimits(), access: try AccessRules(host: "127.0.0.1", token: nil),
                log: log, calls: RunningCalls())
            connection.isUpgrading = isUpgrading
            try channel.pipeline.syncOperations.addHandler(connection)
        }
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).get()
        channel.pipeline.fireErrorCaught(HTTPParserError.invalidMethod)
        await channel.testingEventLoop.run()
        if isUpgrading {
            #expect(!channel.isActive)
            #expect(try await channel.readOutbound(as: HTTPServerResponsePart.self) == nil)
        } else {
            let part = try await channel.waitForOutboundWrite(as: HTTPServerResponsePart.self)
            if case .head(let head) = part { #expect(head.status == .badRequest) } else { Issue.record("\(part)") }
        }
        _ = try? await channel.finish()
    }

    @Test func `a HEAD gets a head`() async throws {
        try await withEnvironment { server, _ in
            let raw = try await RawClient(port: server.port)
            try await raw.send("HEAD /step HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            let answer = await raw.receive(within: 5)
            await raw.close()
            #expect(answer.hasPrefix("HTTP/1.1 405") && answer.hasSuffix("\r\n\r\n"), "\(answer)")
        }
    }

    @Test(arguments: [
        ([0xFF, 0x80, 0, 0, 0, 0] as [UInt8], 1002), (SocketClient.frame([0xFF, 0xFE]), 1007),
        (SocketClient.frame([1, 2], opcode: 2), 1003), (SocketClient.frame([0x7B], isMasked: false), 1002),
        (SocketClient.frame([], opcode: 9, isMasked: false), 1002),
        ([0x81, 0xFF, 0x7F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1009),
    ])
    func `a frame against the rules closes its own connection alone`(_ frame: [UInt8], _ code: Int) async throws {
        try await withEnvironment { server, environment in
            let other = try await SocketClient(port: server.port)
            let socket = try await SocketClient(port: server.port)
            try await socket.raw.send(frame)
            let bytes = Array(await socket.raw.receive(within: 5).unicodeScalars.map(\.value))
            #expect(!bytes.isEmpty, "no close frame for \(code)")
            try await eventually { environment.sessionCount == 1 }
            #expect(try await other.ask(#"{"type":"reset"}"#).contains("observation"))
            await other.raw.close()
        }
    }

    @Test func `a flood of pings from a client that reads nothing takes no memory and is cut off`() async throws {
        try await withEnvironment { server, environment in
            let socket = try await SocketClient(port: server.port)
            try await socket.raw.channel.setOption(.autoRead, value: false).get()
            let before = try #require(Metrics.residentBytes)
            let ping = SocketClient.frame([UInt8](repeating: 7, count: 120), opcode: 9)
            let flood = (0..<1000).flatMap { _ in ping }
            // 100 MB at most, and many more pongs than the buffers of two sockets hold.
            for _ in 0..<800 where socket.raw.channel.isActive { try? await socket.raw.send(flood) }
            try await eventually { environment.sessionCount == 0 }
            #expect(try #require(Metrics.residentBytes) - before < 64 << 20)
            await socket.raw.close()
        }
    }

    @Test func `pings are answered`() async throws {
        try await withEnvironment { server, _ in
            let socket = try await SocketClient(port: server.port)
            for number in 0..<200 as Range<UInt8> {
                try await socket.raw.send(SocketClient.frame([number], opcode: 9))
                #expect(await socket.raw.receiveBytes { $0.count >= 3 } == [0x8A, 1, number])
            }
            #expect(try await socket.ask(#"{"type":"reset"}"#).contains("observation"))
            await socket.raw.close()
        }
    }

    @Test func `a client that closes its side gets its answer, and one that is gone leaves nothing`() async throws {
        try await withEnvironment { server, environment in
            let raw = try await RawClient(port: server.port)
            try await raw.channel.setOption(.allowRemoteHalfClosure, value: true).get()
            try await raw.send("POST /reset HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}")
            try await raw.channel.close(mode: .output)
            let answer = await raw.receive { $0.contains("total_reward") }
            #expect(answer.hasPrefix("HTTP/1.1 200") && answer.contains("total_reward"))
            for text in [
                "", "POST /reset HTT", "POST /reset HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{",
            ] {
                let idle = try await RawClient(port: server.port)
                if !text.isEmpty { try await idle.send(text) }
                try await idle.channel.close(mode: .output)
            }
            let socket = try await SocketClient(port: server.port)
            try await socket.raw.channel.close(mode: .output)
            await raw.close()
            try await eventually { server.connectionCount == 0 && environment.sessionCount == 0 }
        }
    }

    @Test func `a shutdown lets a running call end`() async throws {
        try await withEnvironment { server, _ in
            let task = #"{"id":"x","program":"import time; time.sleep(1)","tests":["assert 1 == 2"]}"#
            async let reset = request(server.port, "POST", "/reset", body: #"{"task":\#(task)}"#)
            try await Task.sleep(for: .milliseconds(300))
            await server.shutdown(drainSeconds: 20)
            #expect(try await reset.status == 200)
        }
    }
}
