import Foundation
import PythonSandbox
import StatefulTools
import TestSupport
import Testing
import Tools

@testable import Serving

@Suite struct PageTests {
    /// A command that can't be carried out, one that changes nothing of use, and the repair.
    static let script = ScriptedPolicy(
        name: "script", completions: ["### DELL 9", "### ADDL 1 >>># prices", "### REPW 3 >>>- >>>+"])

    func withPage(_ policy: any Policy = script, _ body: (HTTPServer) async throws -> Void) async throws {
        let sandbox = try await PythonSandbox()
        let page = RepairPage(
            policy: policy, sandbox: sandbox, toolbox: .standard, options: EpisodeOptions(turns: 4))
        let server = try await HTTPServer(page, port: 0, access: AccessRules(host: "127.0.0.1", token: nil))
        do {
            try await body(server)
        } catch {
            await server.shutdown()
            await sandbox.shutdown()
            throw error
        }
        await server.shutdown()
        await sandbox.shutdown()
    }

    @Test func `a repair comes as events, turn by turn`() async throws {
        try await withPage { server in
            let body = #"{"program":"def f(a, b):\n    return a - b\n","tests":"assert f(1, 2) == 3"}"#
            let answer = try await request(server.port, "POST", "/api/repair", body: body)
            #expect(answer.status == 200)
            // Between the events stand the lengths of HTTP's chunks.
            let names = answer.text.matches(of: /event: ([a-z]+)/).map { String($0.1) }
            #expect(names == ["state", "state", "state", "state", "end"])
            #expect(answer.text.contains(#""solved":true"#))
        }
    }

    @Test(arguments: [
        ("from calc import add\nassert add(1, 2) == 3", ""), ("import calc as c\nassert c.add(1, 2) == 3", ""),
        ("from calc import *\nassert add(1, 2) == 3", ""),
        ("import calc\nassert getattr(calc, 'add')(1, 2) == 3", "calc.py"),
        ("import math\nfrom calc import (\n    add,\n)\nassert add(1, math.floor(2.5)) == 3", "src/calc.py"),
    ])
    func `tests import the program by its file's name`(_ tests: String, _ file: String) async throws {
        try await withPage { server in
            let program = "def add(a, b):\n    return a - b\n"
            let body = try JSONEncoder().encode(["program": program, "tests": tests, "file": file])
            let answer = try await request(
                server.port, "POST", "/api/repair", body: String(decoding: body, as: UTF8.self))
            #expect(answer.text.contains(#""solved":true"#), "\(answer.text)")
        }
    }

    @Test func `where the greedy attempt fails, others follow, and the one that passes the most is the best`()
        async throws
    {
        try await withPage(ScriptedPolicy(name: "script", completions: ["### ADDL 1 >>># prices"])) { server in
            let body = #"{"program":"def f(a, b):\n    return a - b\n","tests":"assert f(1, 2) == 3","attempts":3}"#
            let answer = try await request(server.port, "POST", "/api/repair", body: body)
            let attempts = Set(answer.text.matches(of: /"attempt":([0-9]+)/).map { String($0.1) })
            #expect(attempts == ["1", "2", "3"])
            #expect(answer.text.contains(#""solved":false"#))
        }
    }

    @Test func `a client of HTTP 1.0 gets the events without chunks, up to the end of the connection`() async throws {
        try await withPage { server in
            let body = #"{"program":"def f(a, b):\n    return a - b\n","tests":"assert f(1, 2) == 3"}"#
            let raw = try await RawClient(port: server.port)
            try await raw.send(
                "POST /api/repair HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            let answer = await raw.receive()
            #expect(answer.hasPrefix("HTTP/1.0 200") && !answer.lowercased().contains("transfer-encoding"))
            #expect(answer.contains("\r\n\r\nevent: state\n") && answer.contains(#""solved":true"#))
        }
    }

    @Test(arguments: [
        ("{", 422), ("{}", 422), (#"{"program":"","tests":""}"#, 422), (#"{"program":7,"tests":""}"#, 422),
        (#"{"program":"x","tests":"","colour":1}"#, 422), (#"{"program":"x","tests":"","temperature":9}"#, 422),
        (#"{"program":"x","tests":"","attempts":99}"#, 422), (#"{"program":"x","tests":"","file":"a-b.py"}"#, 422),
    ])
    func `a faulty submission is a sentence`(_ body: String, _ status: Int) async throws {
        try await withPage { server in
            let answer = try await request(server.port, "POST", "/api/repair", body: body)
            #expect(answer.status == status)
            #expect(try json(answer.text)["detail"] is String)
        }
    }

    @Test func `tests that can't be used are told as such, and a fault of the player without its words`() async throws {
        try await withPage { server in
            let answer = try await request(
                server.port, "POST", "/api/repair", body: #"{"program":"x = 1","tests":"def ("}"#)
            #expect(answer.text.contains("event: fault"))
        }
        struct Broken: Policy {
            let name = "broken"
            func beginSession(
                messages: [ChatMessage], sampling: SamplingParameters, maxTokens: Int
            ) async throws -> any PolicySession {
                throw PolicyError(.unavailable, "/secret/path is gone")
            }
        }
        try await withPage(Broken()) { server in
            let answer = try await request(
                server.port, "POST", "/api/repair", body: #"{"program":"x = 1","tests":"assert x == 2"}"#)
            #expect(answer.text.contains("event: fault") && !answer.text.contains("/secret"))
        }
    }

    @Test func `the page works in a browser, light and dark, by mouse and by keyboard, without a request elsewhere`()
        async throws
    {
        guard let python = clientsPython() else { return }
        let kept = ProcessInfo.processInfo.environment["COE_SCREENSHOTS"].map { URL(filePath: $0) }
        let folder = kept ?? FileManager.default.temporaryDirectory.appending(path: "coe-page-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { if kept == nil { try? FileManager.default.removeItem(at: folder) } }
        try await withPage { server in
            let outcome = try await runClient(python, ["page.py", "http://127.0.0.1:\(server.port)", folder.path()])
            if outcome.code == 77 { return print("note: no chromium; this test is skipped") }
            #expect(outcome.code == 0 && outcome.output.contains("the page works"), "\(outcome.output)")
        }
    }
}
