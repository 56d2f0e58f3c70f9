import PythonSandbox
import Testing

/// One sandbox for all suites: starting the first worker costs half a second.
actor Shared {
    static let sandbox = Task { try await PythonSandbox(SandboxConfiguration(workers: 2)) }
}

func run(
    _ program: String, _ tests: [String], hidden: [String] = [], limits: SandboxLimits = SandboxLimits()
) async throws -> SandboxReport {
    try await Shared.sandbox.value.run(
        SandboxJob(program: program, tests: .statements(tests), hiddenTests: hidden, limits: limits))
}

@Suite struct BasicTests {
    @Test func failedAssertShowsBothValues() async throws {
        let report = try await run("def f(x): return x + 1", ["assert f(1) == 2", "assert f(2) == 4"])
        #expect(report.tests.map(\.status) == [.passed, .failed])
        #expect(report.tests[1].message == "got 3, want 4")
        #expect(!report.passed)
    }
}
