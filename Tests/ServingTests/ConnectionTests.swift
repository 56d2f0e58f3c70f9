import Episodes
import Foundation
import NIOCore
import PythonSandbox
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
        try await withEnvironment(options: EnvironmentOptions(idleSeconds: 0.2)) { server, environment in
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
        ([0xFF, 0x80, 0, 0, 0, 0] as [UInt8], 1002), (SocketClient.frame([0xFF, 0xFE]), 1007),
        (SocketClient.frame([1, 2], opcode: 2), 1003), ([0x81, 0xFF, 0x7F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1009),
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
}

/// Who may ask.
@Suite struct AccessTests {
    @Test func `a page of another origin and a rebound name get nothing`() async throws {
        try await withEnvironment { server, environment in
            for headers in [
                ["Host": "evil.example"], ["Host": "127.0.0.1.evil.example"], ["Origin": "http://evil.example"],
                ["Origin": "null"], ["Origin": "http://127.0.0.1:1"],
            ] {
                for path in ["/health", "/state", "/metadata"] {
                    #expect(try await request(server.port, path, headers: headers).status == 403, "\(headers)")
                }
                let socket = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
                let raw = try await RawClient(port: server.port)
                let host = headers["Host"] == nil ? "Host: 127.0.0.1\r\n" : ""
                try await raw.send(
                    "GET /ws HTTP/1.1\r\n\(host)Upgrade: websocket\r\nConnection: Upgrade\r\n"
                        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\(socket)\r\n")
                #expect(await raw.receive().hasPrefix("HTTP/1.1 403"), "\(headers)")
            }
            #expect(environment.sessionCount == 0)
            let own = ["Origin": "http://127.0.0.1:\(server.port)"]
            #expect(try await request(server.port, "/state", headers: own).status == 200)
            #expect(
                try await request(server.port, "/state", headers: ["Host": "localhost:\(server.port)"]).status == 200)
            #expect(try await request(server.port, "/state", headers: ["Host": "[::1]"]).status == 200)
        }
    }

    @Test func `beyond loopback a token is needed to start, and for every path but the open ones`() async throws {
        #expect(throws: ServingError.self) { try AccessRules(host: "0.0.0.0", token: nil) }
        #expect(throws: ServingError.self) { try AccessRules(host: "0.0.0.0", token: "short") }
        let token = "0123456789abcdef"
        try await withEnvironment(token: token, host: "0.0.0.0") { server, environment in
            #expect(try await request(server.port, "/health").status == 200)
            for path in ["/state", "/metrics", "/", "/tasks", "/nothing"] {
                #expect(try await request(server.port, path).status == 401, "\(path)")
            }
            for wrong in ["Bearer \(token)x", "Bearer ", "Basic \(token)", "Bearer 0123456789abcdeF"] {
                #expect(try await request(server.port, "/state", headers: ["Authorization": wrong]).status == 401)
            }
            let right = ["Authorization": "Bearer \(token)", "Host": "any.example"]
            #expect(try await request(server.port, "/state", headers: right).status == 200)
            let socket = try await SocketClient(port: server.port)
            await socket.raw.close()
            #expect(environment.environment.metrics.value("coe_sessions_total") == 0)
            let known = try await SocketClient(port: server.port, headers: "Authorization: Bearer \(token)\r\n")
            #expect(try await known.ask(#"{"type":"reset"}"#).contains("observation"))
            await known.raw.close()
        }
    }

    @Test func `no answer names a path of the server`() async throws {
        try await withEnvironment { server, _ in
            let home = FileManager.default.currentDirectoryPath
            var answers: [String] = []
            for path in [
                "/", "/health", "/metadata", "/schema", "/openapi.json", "/tasks", "/state", "/no", "/../../x",
            ] {
                answers.append(try await request(server.port, path).text)
            }
            let programs = ["import os\nprint(os.getcwd())\nx = os.getcwd()\n", "x = __file__\n", "import nothing\n"]
            for program in programs {
                let body = try JSONEncoder().encode([
                    "task": [
                        "id": .string("p"), "prompt": .string(""), "program": .string(program),
                        "tests": .array([.string("assert x == 'y'"), .string("assert 1 / 0")]),
                    ] as [String: TestJSON]
                ])
                answers.append(
                    try await request(server.port, "POST", "/reset", body: String(decoding: body, as: UTF8.self)).text)
            }
            for answer in answers {
                #expect(!answer.contains(home) && !answer.contains(NSHomeDirectory()), "\(answer)")
            }
        }
    }
}

enum TestJSON: Encodable {
    case string(String)
    case array([TestJSON])

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .string(let text): try text.encode(to: encoder)
        case .array(let items): try items.encode(to: encoder)
        }
    }
}
