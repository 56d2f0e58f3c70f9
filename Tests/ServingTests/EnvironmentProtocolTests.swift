import Foundation
import PythonRepair
import PythonSandbox
import StatefulTools
import Testing
import Tools

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
        let starter = try Toolbox.standard.load("starter", split: .all)
        try await withEnvironment(tasks: starter) { server, _ in
            let socket = try await SocketClient(port: server.port)
            var programs: [[String]] = [[], []]
            for round in 0..<2 {
                for seed in 0..<12 {
                    let answer = try json(await socket.ask(#"{"type":"reset","data":{"seed":\#(seed)}}"#))
                    let data = try #require(answer["data"] as? [String: Any])
                    let observation = try #require(data["observation"] as? [String: Any])
                    #expect(observation["passed"] as? Bool == false, "seed \(seed) gave a program without a fault")
                    programs[round].append(try #require(observation["state"] as? String))
                }
            }
            #expect(programs[0] == programs[1])
            #expect(Set(programs[0]).count > 10)
            await socket.raw.close()
        }
    }

    @Test func `a command whose result would be huge costs a turn and changes nothing`() async throws {
        try await withEnvironment { server, _ in
            let socket = try await SocketClient(port: server.port)
            let line = String(repeating: "a", count: 20_000)
            _ = try await socket.ask(
                #"{"type":"reset","data":{"task":{"id":"x","prompt":"","program":"\#(line)","tests":["x"]}}}"#)
            let answer = try json(await socket.ask(step("### REPW 1 >>>a >>>\(line)")))
            let observation = try #require((answer["data"] as? [String: Any])?["observation"] as? [String: Any])
            #expect((observation["error"] as? String)?.contains("grow") == true)
            #expect((observation["state"] as? String)?.utf8.count ?? 0 < 20_010)
            await socket.raw.close()
        }
    }

    @Test(arguments: [
        (#"{"id":"x"}"#, "tests"), (#"{"prompt":"x"}"#, "id"), ("7", "object"), (#"{"id":7}"#, "id"),
        (#"{"id":"x","program":"x","tests":[]}"#, "tests"), (#"{"id":"x","program":7,"tests":["x"]}"#, "program"),
        (#"{"id":"x","program":"x","tests":["x"],"module_name":"../x"}"#, "module_name"),
        (#"{"id":"x","tool":"hammer"}"#, "hammer"), (#"{"id":"x","tool":"countdown","target":1}"#, "numbers"),
        (#"{"id":"x","program":"\#(String(repeating: "a", count: 200_000))","tests":["x"]}"#, "131072"),
    ])
    func `a task that can't be used is refused with what is wrong`(_ task: String, _ word: String) async throws {
        try await withEnvironment { server, _ in
            let answer = try await request(server.port, "POST", "/reset", body: #"{"task":\#(task)}"#)
            #expect(answer.status == 422)
            let detail = try #require((try json(answer.text)["detail"] as? [[String: Any]])?.first)
            #expect((detail["loc"] as? [String])?.first == "task")
            #expect((detail["msg"] as? String)?.contains(word) == true, "\(detail)")
        }
    }

    @Test func `another tool is served as well, with its own words`() async throws {
        let games = try Toolbox.standard.load("countdown-3", split: .train)
        let game = try #require(games.first)
        try await withEnvironment(tasks: Array(games.prefix(20))) { server, _ in
            let socket = try await SocketClient(port: server.port)
            let first = try await socket.ask(#"{"type":"reset","data":{"task_id":"\#(game.id)"}}"#)
            #expect(first.contains(#""tool":"countdown""#) && first.contains("Target"))
            var total = 0.0
            for command in try #require(game.oracle) {
                let data = try #require(try json(await socket.ask(step(command)))["data"] as? [String: Any])
                total += try #require(data["reward"] as? Double)
                if command == "### EXIT" {
                    #expect(data["done"] as? Bool == true)
                    #expect((data["observation"] as? [String: Any])?["solved"] as? Bool == true)
                }
            }
            #expect(total == 1)
            // A task without a tool is for the server's own.
            let task = #"{"id":"mine","numbers":[2,3],"target":5}"#
            #expect(try await socket.ask(#"{"type":"reset","data":{"task":\#(task)}}"#).contains("Target: 5"))
            let schema = try await request(server.port, "/schema").text
            let readme = try await request(server.port, "/metadata").text
            for text in [schema, readme] { #expect(text.contains("UNDO") && !text.contains("{{")) }
            await socket.raw.close()
        }
    }

    @Test func `rewards are those of the trace`() async throws {
        try await withEnvironment { server, _ in
            let socket = try await SocketClient(port: server.port)
            _ = try await socket.ask(#"{"type":"reset"}"#)
            let commands = ["nothing", "### DELL 9", fix, "### REPW 2 >>>+ >>>-", "### EXIT"]
            let tool = try PythonRepair(addTask)
            let sandbox = try await PythonSandbox()
            let trace = try await EpisodePlayer(
                policy: ScriptedPolicy(completions: commands), sandbox: sandbox,
                options: EnvironmentOptions.untilExit.episode
            ).play(tool, sampling: .commands())
            await sandbox.shutdown()
            var rewards: [Double] = []
            for command in commands {
                let data = try #require(try json(await socket.ask(step(command)))["data"] as? [String: Any])
                rewards.append(try #require(data["reward"] as? Double))
            }
            #expect(rewards == trace.rewards && rewards == [-0.5, 0, 1, 0, 0])
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
