import Foundation
import StatefulTools

/// Throws damaged requests at a server, as bytes of HTTP, frames of a WebSocket and JSON, and asks again and again
/// whether it still answers. The same seed gives the same requests.
struct ServerFuzz: Sendable {
    struct Result: Codable, Sendable {
        var seconds: Double
        var requests: Int
        /// Answers with a status of 500: the server met something it did not foresee.
        var failures: Int
        /// Answers that hold one of the forbidden texts, such as a path of the server.
        var leaks: Int
        /// Whether it answered to the end.
        var survived: Bool
        /// The first requests that failed or leaked.
        var examples: [String]
    }

    var host: String
    var port: Int
    var seconds: Double
    var seed: UInt64
    /// Texts that no answer may hold.
    var forbidden: [String]

    init(host: String = "127.0.0.1", port: Int, seconds: Double, seed: UInt64 = 1, forbidden: [String] = []) {
        self.host = host
        self.port = port
        self.seconds = seconds
        self.seed = seed
        self.forbidden = forbidden
    }

    private static let chat =
        #"{"model":"default","messages":[{"role":"user","content":"x"}],"max_tokens":2,"temperature":1,"stop":["a"],"stream":true}"#

    /// Requests that are right, to be damaged: of all three servers.
    private static let requests: [(path: String, body: String?)] = [
        ("/health", nil), ("/metadata", nil), ("/schema", nil), ("/state?session_id=x", nil), ("/metrics", nil),
        ("/tasks", nil), ("/", nil), ("/v1/models", nil), ("/v1/models/x", nil), ("/reset", "{}"),
        ("/reset", #"{"seed":7,"episode_id":"e","task_id":"x"}"#),
        ("/reset", #"{"task":{"id":"m","prompt":"","program":"x = 1\n","tests":["assert x == 2"]}}"#),
        ("/step", #"{"action":{"command":"\u0023## DELL 1","metadata":{}},"timeout_s":5,"request_id":"r"}"#),
        ("/mcp", #"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#),
        (
            "/mcp",
            #"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"run_command","arguments":{"command":"x"}}}"#
        ),
        ("/mcp", #"{"jsonrpc":"2.0","id":2,"method":"openenv/session/create","params":{}}"#),
        ("/v1/chat/completions", chat), ("/v1/completions", #"{"prompt":["x"],"max_tokens":2,"seed":1}"#),
        ("/api/repair", #"{"program":"x = 1\n","tests":"assert x == 2","task":""}"#),
    ]
    private static let messages = [
        #"{"type":"reset","data":{"seed":3,"episode_id":"e"}}"#, #"{"type":"state"}"#, #"{"type":"close"}"#,
        #"{"type":"step","data":{"command":"\u0023## REPL 1 >>>x = 2"}}"#,
        #"{"type":"step","data":{"command":"\u0023## REPW 1 >>>a >>>aa"}}"#,
        #"{"type":"mcp","data":{"jsonrpc":"2.0","id":1,"method":"tools/list"}}"#,
        #"{"type":"reset","data":{"task":{"id":"m","prompt":"","program":"x = 1\n","tests":["assert x == 2"]}}}"#,
    ]
    private static let tokens = [
        "null", "true", "-1", "1e999", "18446744073709551616", "\"\"", "[]", "{}", "\"\\ud800\"", "\"\\u0000\"",
        "[[[[[[[[", "{\"a\":", "NaN", "'x'", "\u{FEFF}", "🙂", "9999999999999999999999", "\\", "\"", ",", ":",
        "\"type\"", "\"data\"", "\"seed\"", "\"task\"", "\"tests\"", "\"program\"", "\"command\"", "\"params\"",
    ]

    func run(progress: @Sendable (Int) -> Void = { _ in }) async throws -> Result {
        let clock = ContinuousClock()
        let start = clock.now
        var result = Result(seconds: 0, requests: 0, failures: 0, leaks: 0, survived: true, examples: [])
        var round: UInt64 = 0
        while (clock.now - start) / .seconds(1) < seconds {
            let outcomes = await withTaskGroup(of: (String, [UInt8]).self) { group in
                for index in 0..<16 {
                    let stream = round * 16 + UInt64(index)
                    group.addTask { await shot(stream) }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            round += 1
            for (request, answer) in outcomes {
                result.requests += 1
                let text = String(decoding: answer, as: UTF8.self)
                let fails = text.hasPrefix("HTTP/1.1 500")
                let leaks = forbidden.contains { text.contains($0) }
                if fails { result.failures += 1 }
                if leaks { result.leaks += 1 }
                if fails || leaks, result.examples.count < 5 {
                    result.examples.append("\(request.prefix(400)) → \(text.prefix(400))")
                }
            }
            let health = try? await call(host, port, "/health")
            if health?.hasPrefix("HTTP/1.1 200") != true {
                result.survived = false
                result.examples.append(
                    "no answer after: " + outcomes.map(\.0).joined(separator: "\n---\n").prefix(4000))
                break
            }
            if round % 64 == 0 { progress(result.requests) }
        }
        result.seconds = (clock.now - start) / .seconds(1)
        return result
    }

    /// One damaged conversation: what was sent, and everything that came.
    private func shot(_ stream: UInt64) async -> (String, [UInt8]) {
        var generator = SeededGenerator(seed: seed, stream: stream)
        guard let connection = try? await LoadConnection(host: host, port: port) else { return ("", []) }
        defer { connection.close() }
        var sent: [UInt8] = []
        if generator.chance(0.4) {
            let path = generator.chance(0.8) ? "/ws" : "/mcp"
            sent = Array(LoadConnection.upgrade(path: path, host: host, port: port).utf8)
            if generator.chance(0.1) { damage(&sent, using: &generator) }
            for _ in 0...generator.below(4) {
                var payload = Array((generator.element(of: Self.messages) ?? "").utf8)
                if generator.chance(0.8) { damage(&payload, using: &generator) }
                let opcodes: [UInt8] = [1, 1, 1, 1, 1, 1, 2, 8, 9, 10, 0, 3]
                var frame = LoadConnection.frame(payload, opcode: generator.element(of: opcodes) ?? 1)
                if generator.chance(0.1) { damage(&frame, using: &generator) }
                sent += frame
            }
        } else {
            let request = generator.element(of: Self.requests) ?? ("/", nil)
            var body = request.body.map { Array($0.utf8) }
            if body != nil, generator.chance(0.85) {
                var damaged = body ?? []
                damage(&damaged, using: &generator)
                body = damaged
            }
            let method = generator.chance(0.9) ? (body == nil ? "GET" : "POST") : "DELETE"
            var head = Array(
                "\(method) \(request.path) HTTP/1.1\r\nHost: \(host):\(port)\r\nConnection: close\r\n".utf8)
            if let body { head += Array("Content-Length: \(body.count)\r\n".utf8) }
            head += Array("\r\n".utf8)
            if generator.chance(0.2) { damage(&head, using: &generator) }
            sent = head + (body ?? [])
        }
        // Half of them leave without waiting for the answer.
        try? await connection.send(sent)
        let answer = await connection.rest(within: generator.chance(0.5) ? 0.002 : 0.25)
        return (String(decoding: sent, as: UTF8.self), answer)
    }

    private func damage(_ bytes: inout [UInt8], using generator: inout SeededGenerator) {
        for _ in 0...generator.below(3) {
            let place = generator.below(bytes.count + 1)
            switch generator.below(7) {
            case 0: bytes.insert(UInt8(generator.below(256)), at: place)
            case 1: if place < bytes.count { bytes[place] = UInt8(generator.below(256)) }
            case 2: if place < bytes.count { bytes.remove(at: place) }
            case 3: bytes.removeSubrange(place...)
            case 4: bytes.insert(contentsOf: (generator.element(of: Self.tokens) ?? "").utf8, at: place)
            case 5:
                let end = min(bytes.count, place + generator.below(40))
                bytes.insert(contentsOf: bytes[place..<end], at: place)
            default:
                let piece = Array((generator.element(of: Self.tokens) ?? "").utf8)
                let count = 1 + generator.below(2000)
                bytes.insert(contentsOf: Array(repeating: piece, count: count).joined(), at: place)
            }
        }
    }
}
