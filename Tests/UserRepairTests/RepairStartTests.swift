import Foundation
import PythonRepair
import PythonSandbox
import StatefulTools
import Testing
import UserRunner

@testable import UserRepair

/// What the model sees does not depend on the form in which the tests are written.
@Suite struct RepairStartTests {
    private func opening(
        _ tests: String, _ name: String, kind: TestKind, interpreter: String, wishes: RepairStart.Wishes = .init(),
        program: String =
            "\"\"\"Numbers.\"\"\"\n\n\ndef add(a, b):\n    \"\"\"The sum.\"\"\"\n    return a - b\n\n\ndef one():\n    return 1\n"
    ) async throws -> String {
        let folder = Project.real(FileManager.default.temporaryDirectory.path(percentEncoded: false)) + "/coe-\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data(program.utf8).write(to: URL(filePath: folder + "/m.py"))
        try Data(tests.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
        let runner = try await UserRunner(
            RunnerConfiguration(
                file: folder + "/m.py", tests: [name], kind: kind,
                project: Project(of: folder + "/m.py", workingFolder: folder), interpreter: interpreter))
        do {
            let user = try UserProgram(reading: folder + "/m.py")
            let report = try await runner.judge(user.data, details: true)
            let start = try await RepairStart(
                user, text: user.text, report: report, runner: runner, wishes: wishes, command: nil, hidden: [])
            let verdict = try await start.judge(start.tool)
            let text = start.tool.opening(verdict.feedback, .compact)
            await runner.shutdown()
            return text
        } catch {
            await runner.shutdown()
            throw error
        }
    }

    private static let script =
        "from m import add, one\nassert add(1, 2) == 3\nassert add(2, 2) == 4\nassert one() == 1\n"

    @Test func `unittest and plain asserts read the same`() async throws {
        let plain = try await opening(Self.script, "checks.py", kind: .script, interpreter: "python3")
        #expect(
            plain == """
                Task: The sum.
                Tests:
                assert add(1, 2) == 3
                assert add(2, 2) == 4
                assert one() == 1
                Program:
                1>>>\"\"\"Numbers.\"\"\"
                2>>>
                3>>>
                4>>>def add(a, b):
                5>>>    \"\"\"The sum.\"\"\"
                6>>>    return a - b
                7>>>
                8>>>
                9>>>def one():
                10>>>    return 1
                ***
                test 1: got -1, want 3
                test 2: got 0, want 4
                """)
        let cases = """
            import unittest
            from m import add, one
            class T(unittest.TestCase):
                def test_a(self):
                    self.assertEqual(add(1, 2), 3)
                def test_b(self):
                    self.assertEqual(4, add(2, 2))
                def test_c(self):
                    self.assertEqual(one(), 1)
            """
        #expect(try await opening(cases, "test_m.py", kind: .unittest, interpreter: "python3") == plain)
    }

    @Test func `pytest functions with parameters and fixtures read the same`() async throws {
        guard let python = Self.python else { return }
        let plain = try await opening(Self.script, "checks.py", kind: .script, interpreter: python)
        let functions = """
            import pytest
            from m import add, one
            @pytest.mark.parametrize("a, b, want", [(1, 2, 3), (2, 2, 4)])
            def test_add(a, b, want):
                \"\"\"Sums.\"\"\"
                assert want == add(a, b)
            class TestOne:
                def test_one(self):
                    assert one() == 1
            """
        let other = try await opening(functions, "test_m.py", kind: .pytest, interpreter: python)
        #expect(other == plain)
    }

    @Test func `an unknown function is named, with those that there are`() async throws {
        await #expect(throws: UserProgramError("m.py has no function ad; it has add, one.")) {
            do {
                _ = try await opening(
                    Self.script, "checks.py", kind: .script, interpreter: "python3", wishes: .init(function: "ad"))
            } catch let error as UserProgramError {
                // The path is a throw-away folder's.
                throw UserProgramError("m.py" + error.description.drop { $0 != " " })
            }
        }
    }

    private static let python: String? = {
        let root = URL(filePath: #filePath).appending(path: "../../..").standardized
        let own = root.appending(path: ".venv-runner/bin/python").path(percentEncoded: false)
        let path = ProcessInfo.processInfo.environment["COE_RUNNER_PYTHON"] ?? own
        if FileManager.default.isExecutableFile(atPath: path) { return path }
        print("note: no interpreter with pytest; this test is skipped (scripts/test makes .venv-runner)")
        return nil
    }()
}
