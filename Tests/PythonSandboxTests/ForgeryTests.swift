import PythonSandbox
import Testing

/// No wrong program is taken for a right one, and the next job on the same worker is judged as ever.
@Suite(.serialized) struct ForgeryTests {
    private let limits = SandboxLimits(wallSeconds: 1.5, cpuSeconds: 2)

    @Test(arguments: Forgery.all) func isRefused(_ forgery: Forgery) async throws {
        let sandbox = try await Shared.single.value
        let report = try await sandbox.run(
            SandboxJob(
                program: forgery.program, tests: .statements(forgery.tests), hiddenTests: forgery.tests, limits: limits)
        )
        #expect(!report.passed, "\(forgery.name) passed: \(report)")
        #expect(!report.hiddenPassed, "\(forgery.name) passed the hidden tests")
        let right = try await sandbox.run(
            SandboxJob(program: "def f(x): return x * x", tests: .statements(["assert f(2) == 4"])))
        #expect(right.passed, "a right program after \(forgery.name): \(right)")
        let wrong = try await sandbox.run(
            SandboxJob(program: "def f(x): return x + 3", tests: .statements(["assert f(2) == 4"])))
        #expect(wrong.tests.first?.message == "got 5, want 4")
    }

    /// The same as the test file of a user.
    @Test(arguments: Forgery.all.filter { $0.tests.count == 1 && !$0.tests[0].contains("\n") })
    func isRefusedInTestFile(_ forgery: Forgery) async throws {
        let sandbox = try await Shared.single.value
        let assertion = forgery.tests[0]
        let file = """
            import unittest

            def test_function():
                \(assertion)

            class Case(unittest.TestCase):
                def test_method(self):
                    \(assertion)

            \(assertion)
            """
        let report = try await sandbox.run(
            SandboxJob(program: forgery.program, tests: .file(source: file, name: "test_f.py"), limits: limits))
        #expect(!report.tests.contains { $0.status == .passed }, "\(forgery.name) passed: \(report)")
    }

    /// A runner that executes program and tests in one interpreter falls for them: the forgeries are real.
    @Test(.enabled(if: showsAttacksBare), arguments: Forgery.all.filter(\.foolsPlainPython))
    func foolsPlainPython(_ forgery: Forgery) throws {
        let tests = "[" + forgery.tests.map { String(reflecting: $0) }.joined(separator: ", ") + "]"
        #expect(
            try bare(
                """
                space = {"__name__": "program"}
                exec(\(String(reflecting: forgery.program)), space)
                for test in \(tests): exec(test, space)
                """))
    }
}
