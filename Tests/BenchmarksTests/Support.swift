import Foundation
import PythonSandbox
import Serving
import StatefulTools
import Testing
import Tools

/// Runs `body` against a server on a free port, and takes the server and its sandbox down again.
private func withServer<Service: HTTPService>(
    _ make: (PythonSandbox) async throws -> Service, _ body: (HTTPServer, Service) async throws -> Void
) async throws {
    let sandbox = try await PythonSandbox()
    do {
        let service = try await make(sandbox)
        let server = try await HTTPServer(service, port: 0, access: AccessRules(host: "127.0.0.1", token: nil))
        do {
            try await body(server, service)
        } catch {
            await server.shutdown()
            throw error
        }
        await server.shutdown()
        await sandbox.shutdown()
    } catch {
        await sandbox.shutdown()
        throw error
    }
}

/// The environment server with the first starter tasks.
func withEnvironment(
    options: EnvironmentOptions = EnvironmentOptions(), _ body: (HTTPServer, EnvironmentServer) async throws -> Void
) async throws {
    try await withServer(
        { sandbox in
            let starter = Array(try Toolbox.standard.load("starter", split: .all).prefix(20))
            let tasks = try await EnvironmentTasks(starter, toolbox: .standard)
            return EnvironmentServer(tasks: tasks, sandbox: sandbox, options: options)
        }, body)
}

/// The page with a scripted player.
func withPage(_ body: (HTTPServer) async throws -> Void) async throws {
    try await withServer(
        { sandbox in
            RepairPage(
                policy: ScriptedPolicy(completions: ["### DELL 1"]), sandbox: sandbox, toolbox: .standard,
                options: EpisodeOptions(turns: 4))
        }, { server, _ in try await body(server) })
}

/// Waits up to ten seconds until something is true.
func eventually(_ isTrue: () async -> Bool, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    for _ in 0..<1000 {
        if await isTrue() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("it did not come true within ten seconds", sourceLocation: sourceLocation)
}
