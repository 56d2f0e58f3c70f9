import Episodes
import Foundation
import PythonSandbox
import RepairTasks
import Testing

@testable import Serving

/// The protocol, field by field, as OpenEnv's documents have it.
@Suite struct EnvironmentProtocolTests {
    @Test func `an episode over the WebSocket ends solved with the paper's rewards`() async throws {
        try await withEnvironment { server, environment in
            let socket = try await SocketClient(port: server.port)
            let first = try json(await socket.ask(#"{"type":"reset","data":{"seed":1,"episode_id":"mine"}}"#))
            #expect(first["type"] as? String == "observation")
            let data = try #require(first["data"] as? [String: Any])
            #expect(data["reward"] is NSNull && data["done"] as? Bool == false)
            let observation = try #require(data["observation"] as? [String: Any])
            #expect(observation["episode_id"] as? String == "mine")
            #expect(observation["feedback"] as? String == "test 1: got -1, want 3")
            #expect((observation["messages"] as? [[String: Any]])?.last?["content"] is String)
            #expect(observation["solved"] is NSNull)

            let second = try json(await socket.ask(step(fix)))
            let played = try #require(second["data"] as? [String: Any])
            #expect(played["reward"] as? Double == 1 && played["done"] as? Bool == false)
            let state = try json(await socket.ask(#"{"type":"state"}"#))
            #expect((state["data"] as? [String: Any])?["step_count"] as? Int == 1)
            #expect((state["data"] as? [String: Any])?["episode_id"] as? String == "mine")

            let last = try json(await socket.ask(step("### EXIT")))
            let end = try #require(last["data"] as? [String: Any])
            #expect(end["done"] as? Bool == true)
            let final = try #require(end["observation"] as? [String: Any])
            #expect(final["solved"] as? Bool == true && final["exit"] as? String == "exit")
            #expect(final["total_reward"] as? Double == 1)
            await socket.raw.close()
        }
    }

    @Test(arguments: [
        ("{", "INVALID_JSON"), ("\u{1}", "INVALID_JSON"), (#"{"type":"dance"}"#, "UNKNOWN_TYPE"),
        ("{}", "UNKNOWN_TYPE"), ("[]", "VALIDATION_ERROR"), (#"{"type":7}"#, "VALIDATION_ERROR"),
        (#"{"type":"state","extra":1}"#, "VALIDATION_ERROR"), (#"{"type":"step"}"#, "VALIDATION_ERROR"),
        (#"{"type":"step","data":{}}"#, "VALIDATION_ERROR"),
        (#"{"type":"step","data":{"command":7}}"#, "VALIDATION_ERROR"),
        (#"{"type":"step","data":{"command":"x","colour":"red"}}"#, "VALIDATION_ERROR"),
        (#"{"type":"reset","data":{"seed":-1}}"#, "VALIDATION_ERROR"),
        (#"{"type":"reset","data":{"seed":"one"}}"#, "VALIDATION_ERROR"),
        (#"{"type":"reset","data":[]}"#, "VALIDATION_ERROR"),
        (#"{"type":"reset","data":{"task":{"id":"x"}}}"#, "VALIDATION_ERROR"),
        (#"{"type":"step","data":{"command":"x"}}"#, "EXECUTION_ERROR"),
        (#"{"type":"reset","data":{"task_id":"none"}}"#, "EXECUTION_ERROR"),
        (
            #"{"type":"reset","data":{"task":{"id":"x","prompt":"","program":"","tests":["def ("]}}}"#,
            "EXECUTION_ERROR"
        ),
    ])
    func `a faulty message is answered with its code and the session lives on`(
        _ message: String, _ code: String
    ) async throws {
        try await withEnvironment { server, _ in
            let socket = try await SocketClient(port: server.port)
            let answer = try json(await socket.ask(message))
            #expect(answer["type"] as? String == "error")
            let data = try #require(answer["data"] as? [String: Any])
            #expect(data["code"] as? String == code)
            #expect((data["message"] as? String)?.isEmpty == false)
            if code == "VALIDATION_ERROR" { #expect((data["errors"] as? [Any])?.isEmpty == false) }
            let next = try json(await socket.ask(#"{"type":"reset"}"#))
            #expect(next["type"] as? String == "observation")
            await socket.raw.close()
        }
    }

    @Test func `a session beyond the capacity is told so and closed, and its place is free after a close`() async throws
    {
        try await withEnvironment(options: EnvironmentOptions(sessions: 1)) { server, environment in
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

    @Test func `plain HTTP resets, steps and tells its schemas`() async throws {
        try await withEnvironment { server, _ in
            let reset = try await request(server.port, "POST", "/reset", body: "{}")
            #expect(reset.status == 200)
            #expect(Set(try json(reset.text).keys) == ["observation", "reward", "done"])
            let step = try await request(server.port, "POST", "/step", body: #"{"action":{"command":"\#(fix)"}}"#)
            #expect(step.status == 200)
            #expect(try json(step.text)["reward"] as? Double == 1)
            let bad = try await request(server.port, "POST", "/step", body: #"{"action":{"colour":1}}"#)
            #expect(bad.status == 422)
            #expect(
                (try json(bad.text)["detail"] as? [[String: Any]])?.first?["loc"] as? [String] == ["action", "command"])
            #expect(try await request(server.port, "/health").text == #"{"status":"healthy"}"#)
            #expect(
                Set(try json(try await request(server.port, "/schema").text).keys) == [
                    "action", "observation", "state",
                ])
            #expect(try await request(server.port, "POST", "/mcp", body: "{}").text.contains(#""jsonrpc":"2.0""#))
            #expect(try await request(server.port, "/nothing").status == 404)
            #expect(try await request(server.port, "/reset").status == 405)
            #expect(try await request(server.port, "/ws").status == 426)
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
            #expect(((try await mcp("dance", "{}"))["error"] as? [String: Any])?["code"] as? Int == -32601)
            let closed = try await mcp("openenv/session/close", #"{"session_id":"\#(id)"}"#)
            #expect((closed["result"] as? [String: Any])?["closed"] as? Bool == true)
            #expect(environment.sessionCount == 0)
            #expect(try await request(server.port, "/state?session_id=\(id)").status == 404)
        }
    }

    @Test func `a whole task may come with the request, and its hidden tests stay hidden`() async throws {
        try await withEnvironment { server, _ in
            let socket = try await SocketClient(port: server.port)
            let task =
                #"{"id":"x","prompt":"","program":"x = 1\n","tests":["assert x == 2"],"hidden_tests":["assert x == 3"]}"#
            let first = try await socket.ask(#"{"type":"reset","data":{"task":\#(task)}}"#)
            #expect(first.contains("got 1, want 2") && !first.contains("x == 3"))
            _ = try await socket.ask(step("### REPL 1 >>>x = 2"))
            let last = try await socket.ask(step("### EXIT"))
            #expect(last.contains(#""passed":true"#) && last.contains(#""solved":false"#))
            #expect(!last.contains("want 3"))
            await socket.raw.close()
        }
    }

    @Test func `equal seeds draw equal faulty tasks from the starter collection`() async throws {
        try await withEnvironment(tasks: RepairTask.starter) { server, _ in
            let socket = try await SocketClient(port: server.port)
            var programs: [[String]] = [[], []]
            for round in 0..<2 {
                for seed in 0..<12 {
                    let answer = try json(await socket.ask(#"{"type":"reset","data":{"seed":\#(seed)}}"#))
                    let data = try #require(answer["data"] as? [String: Any])
                    let observation = try #require(data["observation"] as? [String: Any])
                    #expect(observation["passed"] as? Bool == false, "seed \(seed) gave a program without a fault")
                    programs[round].append(try #require(observation["program"] as? String))
                }
            }
            #expect(programs[0] == programs[1])
            #expect(Set(programs[0]).count > 10)
            await socket.raw.close()
        }
    }

    @Test func `a command whose result would be huge is refused before it is carried out`() async throws {
        try await withEnvironment { server, _ in
            let socket = try await SocketClient(port: server.port)
            let line = String(repeating: "a", count: 20_000)
            _ = try await socket.ask(
                #"{"type":"reset","data":{"task":{"id":"x","prompt":"","program":"\#(line)","tests":["x"]}}}"#)
            let answer = try await socket.ask(
                step("### REPW 1 >>>a >>>\(line)"))
            #expect(answer.contains("EXECUTION_ERROR") && answer.contains("grow"))
            await socket.raw.close()
        }
    }

    @Test func `metrics are in Prometheus' form and count what happened`() async throws {
        try await withEnvironment { server, _ in
            let socket = try await SocketClient(port: server.port)
            _ = try await socket.ask(#"{"type":"reset"}"#)
            _ = try await socket.ask(step(fix))
            _ = try await socket.ask("{")
            let text = try await request(server.port, "/metrics").text
            for line in [
                "coe_sessions 1", "coe_resets_total 1", "coe_step_seconds_count 1",
                #"coe_errors_total{code="INVALID_JSON"} 1"#,
            ] { #expect(text.contains(line + "\n"), "\(line)") }
            let pattern = /# TYPE [a-z_]+ (gauge|counter|histogram)|[a-z_]+(\{[^}]*\})? [0-9.e+-]+/
            for line in text.split(separator: "\n") { #expect(line.wholeMatch(of: pattern) != nil, "\(line)") }
            await socket.raw.close()
        }
    }
}

/// Waits until something holds, and fails when it does not within ten seconds.
func eventually(_ isTrue: () async -> Bool, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    for _ in 0..<1000 {
        if await isTrue() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("it did not come true within ten seconds", sourceLocation: sourceLocation)
}
