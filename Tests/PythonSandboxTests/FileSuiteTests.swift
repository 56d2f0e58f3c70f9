import PythonSandbox
import Testing

@Suite struct FileSuiteTests {
    private let program = """
        class Stack:
            def __init__(self): self.items = []
            def push(self, x): self.items.append(x)
            def pop(self):
                if not self.items: raise IndexError("pop from empty stack")
                return self.items.pop()
        def add(a, b): return a + b
        def broken(a): return a / 0
        COUNT = 3
        """

    @Test func topLevelAssertsAreTests() async throws {
        let report = try await run(
            program,
            file:
                "x = add(1, 2)\nassert x == 3\n\nassert add(1, 1) == 3\nfor i in range(3):\n    assert add(i, 1) == i + 1\n"
        )
        #expect(
            report.tests.map(\.name) == [
                "assert x == 3", "assert add(1, 1) == 3", "for i in range(3): assert add(i, 1) == i + 1",
            ])
        #expect(report.statuses == [.passed, .failed, .passed])
        #expect(report.tests[1].message == "got 2, want 3")
    }

    @Test(arguments: [
        "from program import add", "import program\nadd = program.add", "from program import *",
        "import program as p\nfrom program import add as plus\nadd = plus", "",
    ])
    func everyWayToReachTheProgramWorks(_ header: String) async throws {
        let report = try await run(program, file: "\(header)\ndef test_add():\n    assert add(1, 2) == 3\n")
        #expect(report.passed, "\(report)")
    }

    @Test func theModuleNameIsTheJobs() async throws {
        let report = try await Shared.sandbox.value.run(
            SandboxJob(
                program: program, moduleName: "calculator",
                tests: .file(
                    source:
                        "from calculator import add\nimport calculator\ndef test(): assert add(1, 1) == 2 and calculator.COUNT == 3",
                    name: "test_calculator.py")))
        #expect(report.passed, "\(report)")
    }

    @Test func testFunctionsAndClassesRun() async throws {
        let report = try await run(
            program,
            file: """
                from program import Stack, broken

                def helper(x): return x

                def test_good():
                    s = Stack()
                    s.push(1)
                    assert s.pop() == helper(1)

                def test_bad():
                    assert Stack().items == [1], "stack"

                def test_broken():
                    broken(1)

                class TestStack:
                    def setup_method(self): self.s = Stack()
                    def test_empty(self):
                        assert self.s.items == []
                    def test_raises(self):
                        try:
                            self.s.pop()
                        except IndexError as e:
                            assert "empty" in str(e)
                        else:
                            assert False
                """)
        #expect(
            report.tests.map(\.name) == [
                "test_good", "test_bad", "test_broken", "TestStack.test_empty", "TestStack.test_raises",
            ])
        #expect(report.statuses == [.passed, .failed, .error, .passed, .passed], "\(report)")
        #expect(report.tests[1].message == "got [], want [1]: stack")
        #expect(report.tests[2].line == 8)
    }

    @Test func unittestCasesRun() async throws {
        let report = try await run(
            program,
            file: """
                import unittest
                import program
                from program import Stack, add, broken

                class StackTest(unittest.TestCase):
                    @classmethod
                    def setUpClass(cls): cls.shared = [1]
                    def setUp(self): self.s = Stack()
                    def tearDown(self): del self.s
                    def test_pop(self):
                        self.s.push(2)
                        self.assertEqual(self.s.pop(), 2)
                    def test_raises(self):
                        with self.assertRaisesRegex(IndexError, "empty"):
                            self.s.pop()
                        self.assertRaises(ZeroDivisionError, broken, 1)
                    def test_shared(self): self.assertIs(type(self.shared), list)
                    def test_wrong(self): self.assertEqual(add(1, 1), 3)
                    def test_lists(self): self.assertListEqual([add(1, 1)], [3])
                    def test_sub(self):
                        for i in range(3):
                            with self.subTest(i=i):
                                self.assertEqual(add(i, 0), 1)
                    def test_error(self): broken(1)
                    @unittest.skip("not now")
                    def test_skipped(self): self.fail()
                    @unittest.expectedFailure
                    def test_expected(self): self.assertEqual(add(1, 1), 3)

                if __name__ == "__main__":
                    unittest.main()
                """)
        let status = Dictionary(
            uniqueKeysWithValues: report.tests.map { ($0.name.split(separator: ".").last.map(String.init)!, $0) })
        #expect(status["test_pop"]?.status == .passed)
        #expect(status["test_raises"]?.status == .passed, "\(report)")
        #expect(status["test_shared"]?.status == .passed)
        #expect(status["test_wrong"]?.status == .failed && status["test_wrong"]?.message == "2 != 3")
        #expect(status["test_lists"]?.status == .failed)
        #expect(status["test_sub"]?.status == .failed)
        #expect(status["test_error"]?.status == .error && status["test_error"]?.line == 8)
        #expect(status["test_skipped"]?.status == .skipped)
        #expect(status["test_expected"]?.status == .passed)
    }

    /// What would happen in the tests' process and not in the program's is refused by name, for every program.
    @Test(arguments: [
        ("from unittest.mock import patch\ndef test():\n    with patch('program.add'): pass", "patching"),
        ("def test(monkeypatch): monkeypatch.setattr('program.COUNT', 4)", "patching"),
        ("import asyncio\ndef test(): asyncio.run(None)", "asynchronous code"),
        ("async def test(): pass", "asynchronous code"), ("import logging\ndef test(): pass", "logging"),
        ("import sys\ndef test(): sys.stdin = None", "standard input"),
        ("import subprocess\ndef test(): pass", "processes"),
    ])
    func whatIsRefusedIsNamed(_ file: String, _ reason: String) async throws {
        let report = try await run(program, file: file)
        #expect(report.statuses == [.refused] && !report.passed && report.isRefusedForEveryProgram)
        let refusal = try #require(report.refusal)
        #expect(refusal.code == .unusableTests && refusal.description.contains(reason), "\(refusal)")
        #expect(refusal.refusals.values.reduce(0, +) == 1)
    }

    /// A test that failed before another is refused decides; one after it says nothing.
    @Test func aFailureBeforeARefusalDecides() async throws {
        let program = "class E:\n    def __eq__(self, o): return True\ndef f(x): return E()\ndef g(x): return 5"
        let (fails, refused) = ("assert g(2) == 4", "assert f(2) == 4")
        let decided = try await run(program, [fails, refused])
        #expect(decided.statuses == [.failed, .refused] && decided.refusal == nil && !decided.passed)
        let open = try await run(program, [refused, fails])
        #expect(open.refusal != nil && !open.passed && !open.isRefusedForEveryProgram)
        #expect(try await run("def g(x): return 4", ["assert g(2) == 4"]).refusal == nil)
    }

    @Test func checkFunctionsOfHumanEvalAreTests() async throws {
        let report = try await run(
            program,
            file:
                "def check(candidate):\n    assert candidate(1, 2) == 3\n    assert candidate(1, 2) == 4\n\ncheck(add)\n"
        )
        #expect(report.statuses == [.failed] && report.tests[0].message == "got 3, want 4")
    }

    @Test func aMissingNameOfTheProgramIsTheProgramsFault() async throws {
        let report = try await run(
            program, file: "from program import subtract\ndef test(): assert subtract(1, 1) == 0")
        #expect(!report.passed)
        #expect(report.tests[0].status == .error && report.tests[0].message == "the program has no name 'subtract'")
    }

    @Test(arguments: [
        ("import nowhere_to_be_found\ndef test(): pass", "test_it.py, line 1", "nowhere_to_be_found"),
        ("x = 1\ndef test(:\n  pass", "test_it.py, line 2", "can't be parsed"),
        ("x = 1\n", "test_it.py", "no test found"), ("", "test_it.py", "no test found"),
    ])
    func unusableFilesAreNamed(_ file: String, _ place: String, _ text: String) async throws {
        let error = await #expect(throws: SandboxError.self) { _ = try await run(program, file: file) }
        #expect(error?.code == .unusableTests)
        #expect(error!.description.contains(place) && error!.description.contains(text), "\(error!)")
    }

    @Test func oneEndlessTestOfAFileLeavesTheOthersTheirVerdict() async throws {
        let report = try await Shared.sandbox.value.run(
            SandboxJob(
                program: "def f(x):\n    while x: pass\n    return 1",
                tests: .file(
                    source:
                        "from program import f\ndef test_a(): assert f(0) == 1\ndef test_b(): f(1)\ndef test_c(): assert f(0) == 1",
                    name: "t.py"),
                limits: SandboxLimits(wallSeconds: 5)))
        #expect(report.statuses == [.passed, .timeout, .passed], "\(report)")
    }

    @Test func doctestsAreReadFromTheSource() async throws {
        let program = #"""
            """Module.

            >>> double(2)
            4
            """
            def double(x):
                """
                >>> double(3)
                6
                >>> y = double(1)
                >>> y
                3
                >>> double('a')  # doctest: +ELLIPSIS
                'a...'
                >>> print(double(2)); double(1)
                4
                2
                >>> double(None)
                Traceback (most recent call last):
                    ...
                TypeError: unsupported operand type(s) for *: 'NoneType' and 'int'
                """
                return x * 2

            class C:
                def m(self):
                    """
                    >>> C().m()
                    'm'
                    >>> C().n()
                    """
                    return 'm'
            """#
        let report = try await Shared.sandbox.value.run(SandboxJob(program: program, tests: .doctests(source: program)))
        #expect(
            report.tests.map(\.name) == [
                "double(2)", "double(3)", "y", "double('a') # doctest: +ELLIPSIS", "print(double(2)); double(1)",
                "double(None)", "C().m()", "C().n()",
            ])
        #expect(
            report.statuses == [.passed, .passed, .failed, .passed, .passed, .passed, .passed, .error], "\(report)")
        #expect(report.tests[2].message == "got 2, want 3")
    }

    @Test func deletingADoctestDoesNotPassIt() async throws {
        let source = "def two():\n    \"\"\"\n    >>> two()\n    2\n    \"\"\"\n    return 3\n"
        let edited = "def two():\n    return 3\n"
        let report = try await Shared.sandbox.value.run(SandboxJob(program: edited, tests: .doctests(source: source)))
        #expect(report.statuses == [.failed])
    }

    @Test func doctestsOfASourceThatDoesNotParseAreFound() async throws {
        let source = "def two()\n    \"\"\"\n    >>> two()\n    2\n    \"\"\"\n    return 2\n"
        let mended = source.replacing("two()\n    \"", with: "two():\n    \"")
        let report = try await Shared.sandbox.value.run(SandboxJob(program: mended, tests: .doctests(source: source)))
        #expect(report.statuses == [.passed], "\(report)")
    }

    @Test func noDoctestsIsSaid() async throws {
        let error = await #expect(throws: SandboxError.self) {
            _ = try await Shared.sandbox.value.run(
                SandboxJob(program: "def f(): pass", tests: .doctests(source: "def f(): pass")))
        }
        #expect(error?.code == .unusableTests)
    }
}

/// Needs an interpreter that has pytest and numpy.
@Suite struct SitePackagesTests {
    static let sandbox = Task { try await PythonSandbox(SandboxConfiguration(workers: 1, sitePackages: true)) }
    static let hasPytest: Bool = (try? bare("import pytest")) ?? false
    static let hasNumpy: Bool = (try? bare("import numpy")) ?? false

    @Test(.enabled(if: hasPytest)) func pytestFilesRun() async throws {
        let report = try await SitePackagesTests.sandbox.value.run(
            SandboxJob(
                program: "def div(a, b):\n    return a / b\ndef say(x): print(x)\n",
                tests: .file(
                    source: """
                        import pytest
                        from program import div, say

                        @pytest.fixture
                        def four(): return 4

                        @pytest.fixture
                        def eight(four):
                            yield four * 2

                        @pytest.mark.parametrize("a, b, want", [(4, 2, 2), (9, 3, 2), pytest.param(1, 1, 1, id="one")])
                        def test_div(a, b, want):
                            assert div(a, b) == want

                        @pytest.mark.parametrize("a", [1, 2])
                        def test_self(a): assert div(a, a) == pytest.approx(1)

                        def test_zero():
                            with pytest.raises(ZeroDivisionError, match="division"):
                                div(1, 0)

                        def test_fixture(eight): assert div(eight, 2) == 4

                        def test_output(capsys):
                            say("hi")
                            assert capsys.readouterr().out == "hi\\n"

                        def test_environment(monkeypatch, tmp_path):
                            monkeypatch.setenv("COE_MODE", "x")
                            (tmp_path / "x").write_text("y")

                        @pytest.mark.skip(reason="no")
                        def test_skipped(): assert False
                        def test_skips(): pytest.skip("no")

                        class TestDiv:
                            @pytest.mark.parametrize("x", [1])
                            def test_it(self, x, four): assert div(four, x) == 4
                        """, name: "test_div.py"), limits: SandboxLimits(wallSeconds: 20)))
        #expect(
            report.statuses == [
                .passed, .failed, .passed, .passed, .passed, .passed, .passed, .passed, .passed, .skipped, .skipped,
                .passed,
            ], "\(report)")
        #expect(report.tests[1].name == "test_div[9-3-2]" && report.tests[1].message == "got 3.0, want 2")
    }

    @Test(.enabled(if: hasNumpy)) func numpyArraysCross() async throws {
        let report = try await SitePackagesTests.sandbox.value.run(
            SandboxJob(
                program: "import numpy as np\ndef f(n): return np.arange(n) * 2\ndef m(a): return a.mean()",
                tests: .file(
                    source:
                        "import numpy as np\nfrom program import f, m\ndef test(): np.testing.assert_array_equal(f(3), [0, 2, 4])\ndef test_m(): assert m(np.array([1.0, 3.0])) == 2.0",
                    name: "test_np.py"), limits: SandboxLimits(wallSeconds: 30, cpuSeconds: 30, memoryBytes: 2 << 30)))
        #expect(report.passed, "\(report)")
    }

    @Test(.enabled(if: hasPytest)) func sitePackagesAreHiddenByDefault() async throws {
        let report = try await run("import pytest", ["assert True"])
        #expect(report.programError?.type == "ModuleNotFoundError")
    }
}
