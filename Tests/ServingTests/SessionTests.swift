import Foundation
import Testing

@testable import Serving

/// Sessions over WebSockets, HTTP and MCP.
@Suite struct SessionTests {
    @Test func `a session beyond the capacity is told so and closed, and its place is free after a close`() async throws
    {
        var options = EnvironmentOptions.untilExit
        options.sessions = 1
        try await withEnvironment(options: options) { server, environment in
            let first = try await SocketClient(port: server.port)
            _ = try await first.ask(#"{"type":"reset"}"#)
            let second = try await SocketClient(port: server.port)
            let error = try json(await second.receive())
            let data = try #require(error["data"] as? [String: Any])
            #expect(data["code"] as? String == "CAPACITY_REACHED")
            #expect(data["active_sessions"] as? Int == 1 && data["max_sessions"] as? Int == 1)
            try await first.send(#"{"type":"close"}"#)
            _ = await first.raw.receive()
            try await eventually { environment.sessionCount == 0 }
            let third = try await SocketClient(port: server.port)
            #expect(try await third.ask(#"{"type":"reset"}"#).contains("observation"))
            for socket in [first, second, third] { await socket.raw.close() }
        }
    }

    @Test func `a session made by a call plays several turns over HTTP and MCP`() async throws {
        try await withEnvironment { server, environment in
            func mcp(_ method: String, _ params: String) async throws -> [String: Any] {
                try json(
                    await request(
                        server.port, "POST", "/mcp",
                        body: #"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":\#(params)}"#
                    ).text)
            }
            let created = try await mcp("openenv/session/create", "{}")
            let id = try #require((created["result"] as? [String: Any])?["session_id"] as? String)
            let tools = try await mcp("tools/list", "{}")
            #expect(((tools["result"] as? [String: Any])?["tools"] as? [Any])?.count == 3)
            _ = try await request(server.port, "POST", "/reset", body: #"{"session_id":"\#(id)"}"#)
            let called = try await mcp(
                "tools/call", #"{"session_id":"\#(id)","name":"run_command","arguments":{"command":"\#(fix)"}}"#)
            let result = try #require(called["result"] as? [String: Any])
            #expect(result["isError"] as? Bool == false)
            #expect((result["structuredContent"] as? [String: Any])?["reward"] as? Double == 1)
            let state = try json(await request(server.port, "/state?session_id=\(id)").text)
            #expect(state["step_count"] as? Int == 1)
            let early = try await mcp("tools/call", #"{"name":"run_command","arguments":{"command":"x"}}"#)
            #expect((early["result"] as? [String: Any])?["isError"] as? Bool == true)
            #expect("\(early)".contains("call new_task first"))
            #expect(((try await mcp("dance", "{}"))["error"] as? [String: Any])?["code"] as? Int == -32601)
            let closed = try await mcp("openenv/session/close", #"{"session_id":"\#(id)"}"#)
            #expect((closed["result"] as? [String: Any])?["closed"] as? Bool == true)
            #expect(environment.sessionCount == 0)
            #expect(try await request(server.port, "/state?session_id=\(id)").status == 404)
        }
    }

    @Test func `a WebSocket joins a session that a call made, and both are one session in one place`() async throws {
        var options = EnvironmentOptions.untilExit
        options.sessions = 1
        try await withEnvironment(options: options) { server, environment in
            func mcp(_ method: String, _ params: String) async throws -> String {
                let body = #"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":\#(params)}"#
                return try await request(server.port, "POST", "/mcp", body: body).text
            }
            let created = try json(await mcp("openenv/session/create", "{}"))
            let id = try #require((created["result"] as? [String: Any])?["session_id"] as? String)
            let socket = try await SocketClient(port: server.port, path: "/ws?session_id=\(id)")
            _ = try await socket.ask(#"{"type":"reset","data":{"episode_id":"ours"}}"#)
            let called = try await mcp(
                "tools/call", #"{"session_id":"\#(id)","name":"run_command","arguments":{"command":"\#(fix)"}}"#)
            #expect(called.contains(#""episode_id":"ours""#) && called.contains(#""reward":1"#))
            #expect(try await socket.ask(#"{"type":"state"}"#).contains(#""step_count":1"#))
            #expect(environment.sessionCount == 1)
            // A second WebSocket, and a session that nobody made.
            for other in [id, "0123456789abcdef"] {
                let refused = try await SocketClient(port: server.port, path: "/ws?session_id=\(other)")
                #expect(await refused.receive().contains("SESSION_ERROR"))
                await refused.raw.close()
            }
            #expect(try await mcp("tools/list", #"{"session_id":"0123456789abcdef"}"#).contains("-32602"))
            // The session outlives its WebSocket, and ends when a call says so.
            await socket.raw.close()
            try await eventually {
                (try? await mcp("tools/list", #"{"session_id":"\#(id)"}"#))?.contains("run_command") == true
            }
            let again = try await SocketClient(port: server.port, path: "/ws?session_id=\(id)")
            #expect(try await again.ask(#"{"type":"state"}"#).contains("ours"))
            #expect(try await mcp("openenv/session/close", #"{"session_id":"\#(id)"}"#).contains(#""closing":true"#))
            await again.raw.close()
            try await eventually { environment.sessionCount == 0 }
        }
    }

    @Test(arguments: [
        ("[]", -32600), (#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600), (#""x""#, -32600), ("{", -32700),
        (#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, -32600),
    ])
    func `what is no call of MCP is told from what is no JSON`(_ body: String, _ code: Int) async throws {
        try await withEnvironment { server, _ in
            let answer = try await request(server.port, "POST", "/mcp", body: body).text
            #expect(answer.contains("\(code)"))
        }
    }

    @Test func `MCP answers a version that it knows`() async throws {
        try await withEnvironment { server, _ in
            for (asked, answered) in [("2025-03-26", "2025-03-26"), ("1999-01-01", "2025-06-18")] {
                let body =
                    #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"\#(asked)"}}"#
                let answer = try await request(server.port, "POST", "/mcp", body: body).text
                #expect(answer.contains(#""protocolVersion":"\#(answered)""#))
            }
        }
    }

    @Test func `a step that takes too long is answered in time`() async throws {
        try await withEnvironment { server, _ in
            let created = try json(
                await request(
                    server.port, "POST", "/mcp", body: #"{"jsonrpc":"2.0","id":1,"method":"openenv/session/create"}"#
                ).text)
            let id = try #require((created["result"] as? [String: Any])?["session_id"] as? String)
            let task = #"{"id":"x","program":"x = 1","tests":["assert x == 2"]}"#
            _ = try await request(
                server.port, "POST", "/reset", body: #"{"session_id":"\#(id)","task":\#(task)}"#)
            let command = "### REPL 1 >>>import time; time.sleep(3); x = 2"
            let start = ContinuousClock.now
            let late = try await request(
                server.port, "POST", "/step",
                body: #"{"session_id":"\#(id)","timeout_s":0.2,"action":{"command":"\#(command)"}}"#)
            #expect(ContinuousClock.now - start < .seconds(2))
            #expect(late.status == 400 && late.text.contains("0.2 seconds"))
            // The episode is as before.
            let state = try json(await request(server.port, "/state?session_id=\(id)").text)
            #expect(state["step_count"] as? Int == 0)
        }
    }
}
