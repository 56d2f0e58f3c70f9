import ArgumentParser
package import PythonSandbox

/// How programs are run.
package struct SandboxOptions: ParsableArguments {
    @Option(help: "The Python interpreter that runs the programs.", completion: .file()) package var python = "python3"
    @Flag(help: "Run programs without a jail, where this machine has none. They can then do all that you can.")
    package var unsafeNoSandbox = false

    package init() {}

    package var configuration: SandboxConfiguration {
        SandboxConfiguration(interpreter: python, unsafeNoSandbox: unsafeNoSandbox)
    }
}

/// Runs `body` with a sandbox that is shut down in the end, also after an error.
package func withSandbox<Result: Sendable>(
    _ configuration: SandboxConfiguration = .default, _ body: (PythonSandbox) async throws -> Result
) async throws -> Result {
    let sandbox = try await PythonSandbox(configuration)
    do {
        let result = try await body(sandbox)
        await sandbox.shutdown()
        return result
    } catch {
        await sandbox.shutdown()
        throw error
    }
}
