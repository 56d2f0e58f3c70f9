import Foundation
import TestSupport
import Testing

@testable import Serving

/// The real clients of others.
@Suite struct ClientTests {
    @Test func `openenv validate is green and its client plays whole episodes`() async throws {
        guard let python = clientsPython() else { return }
        try await withEnvironment { server, environment in
            let url = "http://127.0.0.1:\(server.port)"
            let report = try await runClient(python, ["-m", "openenv.cli", "validate", "--json", "--url", url])
            #expect(report.code == 0, "\(report.output)")
            #expect(report.output.contains(#""passed": true"#), "\(report.output)")
            #expect(!report.output.contains(#""passed": false"#), "\(report.output)")
            let played = try await runClient(python, ["openenv_client.py", url])
            #expect(played.code == 0 && played.output.contains("61 episodes"), "\(played.output)")
            try await eventually { environment.sessionCount == 0 }
        }
    }

    @Test func `OpenEnv's client shows its token where the server is open to others`() async throws {
        guard let python = clientsPython() else { return }
        let token = "0123456789abcdef"
        try await withEnvironment(token: token, host: "0.0.0.0") { server, _ in
            let url = "http://127.0.0.1:\(server.port)"
            let known = try await runClient(python, ["openenv_client.py", url, token])
            #expect(known.code == 0, "\(known.output)")
            let unknown = try await runClient(python, ["openenv_client.py", url])
            #expect(unknown.code != 0)
        }
    }

    @Test func `OpenEnv's client for tools plays over WebSocket and MCP in one place`() async throws {
        guard let python = clientsPython() else { return }
        var options = EnvironmentOptions.untilExit
        options.sessions = 1
        try await withEnvironment(options: options) { server, environment in
            let played = try await runClient(python, ["mcp_tool_client.py", "http://127.0.0.1:\(server.port)"])
            #expect(played.code == 0 && played.output.contains("2 episodes"), "\(played.output)")
            try await eventually { environment.sessionCount == 0 }
        }
    }

    @Test func `a client of MCP that knows nothing of OpenEnv plays an episode`() async throws {
        guard let python = clientsPython() else { return }
        try await withEnvironment { server, environment in
            let played = try await runClient(python, ["mcp_client.py", "http://127.0.0.1:\(server.port)"])
            #expect(played.code == 0 && played.output.contains("1 episode"), "\(played.output)")
            try await eventually { environment.sessionCount == 0 }
        }
    }

    @Test func `the manifest is one that openenv validate accepts`() async throws {
        guard let python = clientsPython() else { return }
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        // In a folder of their own: a checkout with build folders is no package to it.
        let folder = FileManager.default.temporaryDirectory.appending(path: "coe-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for file in ["openenv.yaml", "Dockerfile"] {
            try FileManager.default.copyItem(at: root.appending(path: file), to: folder.appending(path: file))
        }
        let report = try await runClient(
            python, ["-m", "openenv.cli", "validate", folder.path(), "--level", "static", "--skip-build", "--json"])
        #expect(report.code == 0, "\(report.output)")
    }
}
