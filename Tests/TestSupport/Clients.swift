import Foundation

/// The Python of a virtual environment with the real clients (scripts/serving-clients), nil where there is none.
public func clientsPython() -> String? {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let folder = ProcessInfo.processInfo.environment["COE_CLIENTS"] ?? root.appending(path: ".venv-clients").path()
    let python = "\(folder)/bin/python"
    if FileManager.default.isExecutableFile(atPath: python) { return python }
    print("note: no .venv-clients with the real clients; this test is skipped (scripts/serving-clients makes it)")
    return nil
}

/// Runs a script of the folder Clients beside the test's file; its exit code and what it wrote.
public func runClient(
    _ python: String, _ arguments: [String], file: String = #filePath
) async throws -> (code: Int32, output: String) {
    let folder = URL(filePath: file).deletingLastPathComponent().appending(path: "Clients")
    let process = Process()
    process.executableURL = URL(filePath: python)
    process.arguments = arguments
    if FileManager.default.fileExists(atPath: folder.path(percentEncoded: false)) {
        process.currentDirectoryURL = folder
    }
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    return try await withCheckedThrowingContinuation { continuation in
        // Waiting blocks a thread, and the server in this process needs those of the pool.
        Thread.detachNewThread {
            do {
                try process.run()
                let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
                process.waitUntilExit()
                continuation.resume(
                    returning: (process.terminationStatus, String(decoding: output, as: UTF8.self)))
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}

/// A Python that has all of `modules`: the one named by an environment variable, or a usual one.
public func python(with modules: String, named variable: String) -> String? {
    let named = ProcessInfo.processInfo.environment[variable]
    return ([named, ".venv-clients/bin/python", ".venv/bin/python3", "/usr/bin/python3"] as [String?]).compactMap { $0 }
        .first { path in
            let process = Process()
            process.executableURL = URL(filePath: path)
            process.arguments = ["-c", "import \(modules)"]
            process.standardError = FileHandle.nullDevice
            guard (try? process.run()) != nil else { return false }
            process.waitUntilExit()
            return process.terminationStatus == 0
        }
}
