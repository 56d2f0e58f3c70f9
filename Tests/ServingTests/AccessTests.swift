import Foundation
import Logging
import NIOHTTP1
import PythonSandbox
import Synchronization
import Testing

@testable import Serving

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

    @Test(arguments: [
        "localhost:80@evil.com", "127.0.0.1:80:80", "127.0.0.1:", "localhost:99999999", "[::1", "[::1]x", "a b", "",
        "127.0.0.1/", "localhost,evil.com",
    ])
    func `a host that is no name with a port is refused`(_ host: String) async throws {
        try await withEnvironment { server, _ in
            let answer = try await request(server.port, "/health", headers: ["Host": host])
            #expect(answer.status == 400)
        }
    }

    @Test(arguments: [
        String(repeating: " ", count: 20), "short", "0123456789 abcdef", "0123456789\u{0}abcdef", "ÄÖÜÄÖÜÄÖÜÄÖÜÄÖÜ",
    ])
    func `a token that protects nothing is refused`(_ token: String) {
        #expect(throws: ServingError.self) { try AccessRules(host: "127.0.0.1", token: token) }
    }

    @Test func `beyond loopback a token is needed to start, and for every path but the open ones`() async throws {
        #expect(throws: ServingError.self) { try AccessRules(host: "0.0.0.0", token: nil) }
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

    @Test func `each request is logged with its answer, and its query is not`() async throws {
        let lines = LogLines()
        struct Echo: HTTPService {
            func respond(to request: HTTPRequest) async -> HTTPResponse {
                request.path == "/broken" ? .fault(.internalServerError, "It broke.") : .text("here")
            }
        }
        var logger = Logger(label: "test") { _ in lines }
        logger.logLevel = .info
        let server = try await HTTPServer(
            Echo(), port: 0, access: AccessRules(host: "127.0.0.1", token: nil), logger: logger)
        _ = try await request(server.port, "GET", "/here?token=secret")
        _ = try await request(server.port, "GET", "/broken")
        _ = try await request(server.port, "GET", "/here", headers: ["Host": "evil.example"])
        await server.shutdown()
        let seen = lines.all
        #expect(seen == ["info GET /here 200", "error GET /broken 500", "info refused 403"])
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

/// Keeps what is logged.
private final class LogLines: LogHandler {
    private let kept = Mutex<[String]>([])
    var all: [String] { kept.withLock { $0 } }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .info }
        set {}
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) { kept.withLock { $0.append("\(event.level) \(event.message)") } }
}
