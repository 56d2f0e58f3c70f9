import Foundation
import PythonSandbox
import Testing

/// The sandboxes of all suites: a first worker costs half a second.
enum Shared {
    static let sandbox = Task { try await PythonSandbox(SandboxConfiguration(workers: 2)) }
    /// One worker, so that two jobs in a row meet in the same zygote.
    static let single = Task { try await PythonSandbox(SandboxConfiguration(workers: 1)) }
}

/// Runs statements against a program.
func run(
    _ program: String, _ tests: [String], hidden: [String] = [], setup: String? = nil, prelude: String? = nil,
    limits: SandboxLimits = SandboxLimits()
) async throws -> SandboxReport {
    try await Shared.sandbox.value.run(
        SandboxJob(
            program: program, prelude: prelude, setup: setup, tests: .statements(tests), hiddenTests: hidden,
            limits: limits))
}

/// Runs a test file against a program.
func run(_ program: String, file: String, name: String = "test_it.py") async throws -> SandboxReport {
    try await Shared.sandbox.value.run(SandboxJob(program: program, tests: .file(source: file, name: name)))
}

extension SandboxReport {
    var statuses: [TestOutcome.Status] { tests.map(\.status) }
}

/// Runs Python outside of any sandbox, for the baseline of the attacks; true when it exits with 0.
func bare(_ source: String, environment: [String: String] = [:]) throws -> Bool {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    // A descriptor to inherit, and bounds that keep the machine safe.
    process.arguments = ["-c", "ulimit -v 4000000; exec 9</dev/null; exec python3 -c \"$0\"", source]
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationReason == .exit && process.terminationStatus == 0
}

/// Set to run every attack without a sandbox as well, which shows that each is real.
let showsAttacksBare = ProcessInfo.processInfo.environment["COE_ATTACKS_BARE"] != nil
