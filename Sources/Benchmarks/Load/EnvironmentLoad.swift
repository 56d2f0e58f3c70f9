import Foundation
import PythonSandbox
import Synchronization

/// Many sessions at once against an environment server: is any answer lost or another session's, how fast are steps
/// beside the sandbox alone, what does an idle session cost, and what do dropped connections leave behind?
struct EnvironmentLoad: Sendable {
    struct Result: Codable, Sendable {
        var sessions: Int
        var steps: Int
        /// Answers that never came.
        var lost: Int
        /// Answers that belong to another session or step.
        var mixedUp: Int
        var stepsPerSecond: Double
        /// Runs a second of the same jobs in a sandbox without a server, measured here; nil when not asked for.
        var bareJobsPerSecond: Double?
        /// Bytes of the server's memory for each session that has an episode and waits; nil where it can't be told.
        var bytesPerIdleSession: Int?
        var dropped: Int
        /// Sessions, jobs and connections that the dropped ones left behind.
        var leftBehind: Int
        /// Growth of the server's memory over the second half of the dropped connections.
        var droppedGrowthBytes: Int?
        var seconds: Double
    }

    var host: String
    var port: Int
    var sessions: Int
    /// Steps of each session.
    var steps: Int
    var drops: Int

    init(host: String = "127.0.0.1", port: Int, sessions: Int = 1000, steps: Int = 10, drops: Int = 10_000) {
        self.host = host
        self.port = port
        self.sessions = sessions
        self.steps = steps
        self.drops = drops
    }

    /// - Parameter bare: a sandbox without a cache of reports, for the rate to compare with.
    func run(
        bare: PythonSandbox?, progress: @Sendable (String) -> Void = { _ in }
    ) async throws -> Result {
        let clock = ContinuousClock()
        let start = clock.now
        _ = try await call(host, port, "/reset", body: "{}")
        let empty = try await metric("process_resident_memory_bytes", host, port)

        progress("opening \(sessions) sessions")
        let connections = try await open()
        let faults = Faults()
        try await everyone(connections) { index, connection in
            let answer = try? await connection.ask(Self.reset(index))
            faults.note(answer, wanting: "got \(Self.value(index, 0)), want -1")
        }
        let full = try await metric("process_resident_memory_bytes", host, port)

        progress("playing \(steps) steps in each" + (bare == nil ? "" : ", and as many jobs without a server"))
        var playing = Duration.zero
        var alone = Duration.zero
        if let bare { _ = try await Self.run(20, in: bare, from: -1_000_000) }
        for step in 1...max(1, steps) {
            playing += try await clock.measure {
                try await everyone(connections) { index, connection in
                    let answer = try? await connection.ask(Self.step(index, step))
                    faults.note(answer, wanting: "got \(Self.value(index, step)), want -1")
                }
            }
            // In turn, so that a change of the machine's speed meets both alike.
            if let bare { alone += try await Self.run(sessions, in: bare, from: step * sessions) }
        }
        let rate = Double(sessions * steps) / (playing / .seconds(1))
        let bareRate = bare.map { _ in Double(sessions * steps) / (alone / .seconds(1)) }
        for connection in connections { connection.close() }

        progress("opening and dropping \(drops) connections")
        let (left, growth) = try await drop()
        return Result(
            sessions: sessions, steps: sessions * steps, lost: faults.lost.load(ordering: .relaxed),
            mixedUp: faults.mixedUp.load(ordering: .relaxed), stepsPerSecond: rate, bareJobsPerSecond: bareRate,
            bytesPerIdleSession: empty.flatMap { empty in full.map { ($0 - empty) / sessions } }, dropped: drops,
            leftBehind: left, droppedGrowthBytes: growth, seconds: (clock.now - start) / .seconds(1))
    }

    private final class Faults: Sendable {
        let lost = Atomic(0)
        let mixedUp = Atomic(0)

        func note(_ answer: String?, wanting text: String) {
            if let answer {
                if !answer.contains(text) { mixedUp.add(1, ordering: .relaxed) }
            } else {
                lost.add(1, ordering: .relaxed)
            }
        }
    }

    /// A number that no other session or step has.
    private static func value(_ session: Int, _ step: Int) -> Int { session * 1000 + step }

    private static func reset(_ session: Int) -> String {
        let program = "x = \(value(session, 0))\\n"
        return
            #"{"type":"reset","data":{"task":{"id":"t\#(session)","prompt":"","program":"\#(program)","tests":["assert x == -1"]}}}"#
    }

    private static func step(_ session: Int, _ step: Int) -> String {
        // Nine steps leave an episode open; the tenth would end it.
        if step % 9 == 0 {
            return reset(session).replacing("x = \(value(session, 0))", with: "x = \(value(session, step))")
        }
        return #"{"type":"step","data":{"command":"\u0023## REPL 1 >>>x = \#(value(session, step))"}}"#
    }

    private func open() async throws -> [LoadConnection] {
        let (host, port) = (host, port)
        return try await withThrowingTaskGroup(of: LoadConnection.self) { group in
            var connections: [LoadConnection] = []
            for index in 0..<sessions {
                if index >= 64, let connection = try await group.next() { connections.append(connection) }
                group.addTask { try await LoadConnection.webSocket(host: host, port: port) }
            }
            for try await connection in group { connections.append(connection) }
            return connections
        }
    }

    private func everyone(
        _ connections: [LoadConnection], _ body: @escaping @Sendable (Int, LoadConnection) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, connection) in connections.enumerated() { group.addTask { try await body(index, connection) } }
            try await group.waitForAll()
        }
    }

    /// The time that the jobs of as many steps take in a sandbox.
    private static func run(_ jobs: Int, in sandbox: PythonSandbox, from number: Int) async throws -> Duration {
        try await ContinuousClock().measure {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<jobs {
                    if index >= 8 { try await group.next() }
                    let job = SandboxJob(
                        program: "x = \(number + index)\n", tests: .statements(["assert x == -1"]))
                    group.addTask { _ = try await sandbox.run(job) }
                }
                try await group.waitForAll()
            }
        }
    }

    /// Clients that leave in every state: before a word, in mid-request, as a WebSocket, in mid-answer.
    private func drop() async throws -> (left: Int, growth: Int?) {
        let (host, port) = (host, port)
        var half: Int?
        for part in 0..<2 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<drops / 2 {
                    if index >= 64 { try await group.next() }
                    group.addTask {
                        switch index % 5 {
                        case 0: try await LoadConnection(host: host, port: port).close()
                        case 1:
                            let connection = try await LoadConnection(host: host, port: port)
                            try? await connection.send(Array("POST /reset HTTP/1.1\r\nHost: \(host)\r\nConte".utf8))
                            connection.close()
                        case 2: try? await LoadConnection.webSocket(host: host, port: port).close()
                        case 3:
                            guard let connection = try? await LoadConnection.webSocket(host: host, port: port) else {
                                return
                            }
                            try? await connection.send(LoadConnection.frame(Array(#"{"type":"reset"}"#.utf8)))
                            connection.close()
                        default:
                            let connection = try await LoadConnection(host: host, port: port)
                            let head = "POST /reset HTTP/1.1\r\nHost: \(host)\r\nContent-Length: 2\r\n\r\n{}"
                            try? await connection.send(Array(head.utf8))
                            connection.close()
                        }
                    }
                }
                try await group.waitForAll()
            }
            if part == 0 { half = try await metric("process_resident_memory_bytes", host, port) }
        }
        var left = Int.max
        for _ in 0..<100 where left > 0 {
            try await Task.sleep(for: .milliseconds(100))
            left = 0
            for name in ["coe_sessions", "coe_jobs_running", "coe_jobs_waiting"] {
                left += try await metric(name, host, port) ?? 0
            }
        }
        let end = try await metric("process_resident_memory_bytes", host, port)
        return (left, half.flatMap { half in end.map { $0 - half } })
    }
}
