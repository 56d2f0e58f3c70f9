import Foundation
import TestSupport
import Testing

@testable import Benchmarks
@testable import Serving

/// Short versions of `coe bench serve` and `coe bench fuzz`, whose long ones are for a quiet machine.
@Suite struct LoadTests {
    @Test func `sessions side by side lose no answer, mix none up and leave nothing behind`() async throws {
        try await withEnvironment(options: EnvironmentOptions(sessions: 61)) { server, environment in
            let load = EnvironmentLoad(port: server.port, sessions: 60, steps: 3, drops: 200)
            let result = try await load.run(bare: nil) { print("load: \($0)") }
            #expect(result.lost == 0 && result.mixedUp == 0 && result.leftBehind == 0)
            #expect(result.steps == 180)
            try await eventually { server.connectionCount == 0 }
        }
    }

    @Test func `damaged requests neither end the environment server nor draw a failure or a path from it`() async throws
    {
        try await withEnvironment { server, environment in
            let fuzz = ServerFuzz(
                port: server.port, seconds: 6, seed: .random(in: 0 ... .max),
                forbidden: [FileManager.default.currentDirectoryPath, NSHomeDirectory()].filter { $0.count > 5 })
            let result = try await fuzz.run()
            #expect(
                result.survived && result.failures == 0 && result.leaks == 0, "seed \(fuzz.seed): \(result.examples)")
            #expect(result.requests > 50)
            try await eventually { server.connectionCount == 0 }
        }
    }

    @Test func `damaged requests do not end the page's server`() async throws {
        try await withPage { server in
            let fuzz = ServerFuzz(port: server.port, seconds: 4, seed: .random(in: 0 ... .max))
            let result = try await fuzz.run()
            #expect(result.survived && result.failures == 0, "seed \(fuzz.seed): \(result.examples)")
            try await eventually { server.connectionCount == 0 }
        }
    }

    @Test func `TRL trains a tiny model for two steps on the environment`() async throws {
        guard let python = clientsPython() else { return }
        guard try await runClient(python, ["-c", "import trl, torch"]).code == 0 else {
            print("note: .venv-clients holds no TRL; this test is skipped (scripts/serving-clients train)")
            return
        }
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "python/environment")
        let example = package.appending(path: "examples/train_trl.py")
        let folder = FileManager.default.temporaryDirectory.appending(path: "coe-trl-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        try await withEnvironment { server, environment in
            let outcome = try await runClient(
                "/usr/bin/env",
                [
                    "PYTHONPATH=\(package.path())", python, example.path(), "--tiny", "--server",
                    "http://127.0.0.1:\(server.port)", "--out", folder.path(),
                ])
            #expect(outcome.code == 0, "\(outcome.output)")
            let trained = outcome.output.firstMatch(of: /2 steps, ([0-9]+) of/).flatMap { Int($0.1) }
            #expect((trained ?? 0) > 0, "\(outcome.output)")
            // Two steps of four episodes of at least one turn.
            #expect(environment.environment.metrics.value("coe_resets_total") == 8)
        }
    }
}
