import PythonSandbox
import Testing

@Suite struct ReportTests {
    @Test(arguments: [
        ("assert f(1) == 3", "got 2, want 3"), ("assert f(1) != 2", "got 2, want anything but 2"),
        ("assert f(1) > 5", "got 2, want a value > 5"), ("assert f(1) is None", "got 2, want None"),
        ("assert f(1) is not 2", "got 2, want anything but 2"), ("assert f(1) in [4, 5]", "got 2, want one of [4, 5]"),
        ("assert not f(1)", "got 2, want a false value"), ("assert f(-1)", "got 0, want a true value"),
        ("assert f(1) == 3, 'a note'", "got 2, want 3: a note"),
        ("assert isinstance(f(1), str)", "got False, want True"),
        ("assert f(1) == 2 and f(2) == 4", "got False, want True"), ("x = f(1)\nassert x == 9", "got 2, want 9"),
    ])
    func failedAssertShowsItsValues(_ test: String, _ message: String) async throws {
        let report = try await run("def f(x): return x + 1", [test])
        #expect(report.tests[0].status == .failed)
        #expect(report.tests[0].message == message)
    }

    @Test func bothSidesAreEvaluatedOnce() async throws {
        let program = "calls = []\ndef f(x):\n    calls.append(x)\n    return x\ndef count(): return len(calls)"
        let report = try await run(program, ["assert f(1) == f(2)", "assert count() == 2"])
        #expect(report.statuses == [.failed, .passed])
    }

    @Test func longValuesAreShortened() async throws {
        let report = try await run("def f(n): return list(range(n))", ["assert f(100000) == 1"])
        #expect(report.tests[0].got!.count <= 160)
        #expect(report.tests[0].got!.hasPrefix("[0, 1, 2") && report.tests[0].got!.hasSuffix("99999]"))
    }

    @Test func errorsNameTypeMessageAndLineOfTheProgram() async throws {
        let program = "def g(x):\n    return 1 / x\n\ndef f(x):\n    return g(x)\n"
        let outcome = try await run(program, ["assert f(0) == 1"]).tests[0]
        #expect(outcome.status == .error && outcome.errorType == "ZeroDivisionError" && outcome.line == 2)
        #expect(outcome.message == "ZeroDivisionError: division by zero (line 2)")
    }

    @Test func linesCountInTheProgramNotInPreludeOrSetup() async throws {
        let outcome = try await run(
            "def f(x):\n    return h(x)", ["assert f(1) == 1"], setup: "\n\n\ndef h(x):\n    raise KeyError(x)",
            prelude: "import os\n\n"
        ).tests[0]
        #expect(outcome.line == 2 && outcome.errorType == "KeyError")
    }

    @Test func missingFunctionIsANameError() async throws {
        let outcome = try await run("def g(x): return x", ["assert f(1) == 1"]).tests[0]
        #expect(outcome.status == .error && outcome.message == "NameError: name 'f' is not defined")
    }

    @Test(
        arguments: [
            ("def f(x:\n    return", "SyntaxError", 1, 6), ("x = 1\n  y = 2", "IndentationError", 2, nil),
            ("x = (1,\n", "SyntaxError", 1, 5),
            ("def f():\n\tif 1:\n        return 1", "TabError", 3, nil), ("a = 1\nx = 3 +* 2", "SyntaxError", 2, 8),
        ] as [(String, String, Int, Int?)])
    func syntaxErrorsHaveLineAndColumn(_ program: String, _ type: String, _ line: Int, _ column: Int?) async throws {
        let report = try await run(program, ["assert f(1) == 1"], hidden: ["assert f(2) == 2"])
        #expect(report.programError?.type == type)
        #expect(report.programError?.line == line)
        if let column { #expect(report.programError?.column == column) }
        #expect(report.statuses == [.notRun] && report.hiddenTests.map(\.status) == [.notRun])
        #expect(!report.passed)
    }

    @Test func exceptionsWhileLoadingHaveTheirLine() async throws {
        let report = try await run("x = 1\ny = x / 0\n", ["assert x == 1"])
        #expect(report.programError == ProgramError(type: "ZeroDivisionError", message: "division by zero", line: 2))
    }

    @Test(arguments: [
        ("while True: pass", "Timeout"), ("x = [0] * 10**9", "MemoryError"),
        ("while True: print('x' * 999)", "OutputLimit"),
        ("import os\nos._exit(3)", "ProgramEnded"), ("import sys\nsys.exit('no')", "SystemExit"),
        ("input()", "EOFError"),
        ("a\0b", ""), ("x = " + String(repeating: "(", count: 5000), ""),
        ("import ctypes; ctypes.string_at(0)", "ProgramEnded"),
        (String(repeating: "x = 1\n", count: 1_700_000), ""),
    ])
    func programsThatDoNotLoadSayWhy(_ program: String, _ type: String) async throws {
        let report = try await run(
            program, ["assert f(1) == 1"],
            limits: SandboxLimits(wallSeconds: type == "Timeout" ? 2 : 20, cpuSeconds: 20))
        if type.isEmpty {
            #expect(!report.passed)
        } else {
            #expect(report.programError?.type == type, "\(report)")
        }
        #expect(!report.passed)
    }

    @Test func oneEndlessTestLeavesTheOthersTheirVerdict() async throws {
        let report = try await run(
            "def f(x):\n    while x == 1: pass\n    return x",
            ["assert f(0) == 0", "assert f(1) == 1", "assert f(2) == 2", "assert f(3) == 4"],
            limits: SandboxLimits(wallSeconds: 5))
        #expect(report.statuses == [.passed, .timeout, .passed, .failed])
        // The limit is that of all tests together.
        #expect(report.seconds < 10)
    }

    @Test func endlessTestCodeTimesOut() async throws {
        let report = try await run(
            "def f(x): return x", ["while True: pass", "assert f(1) == 1"], limits: SandboxLimits(wallSeconds: 1))
        #expect(report.statuses[0] == .timeout)
    }

    @Test func aTestThatHangsInCTimesOut() async throws {
        let report = try await run(
            "def f(x): return x",
            [
                "assert (f('a') * 40 + 'b').count('a') == 40 and __import__('re').match('(a+)+$', 'a' * 60 + 'b') is None"
            ],
            limits: SandboxLimits(wallSeconds: 1))
        #expect(report.statuses[0] == .timeout)
        #expect(try await run("def f(x): return x", ["assert f(1) == 1"]).passed)
    }

    @Test(arguments: [
        ("def f(x): return f(x + 1)", TestOutcome.Status.error),
        (
            "import sys\nsys.setrecursionlimit(10**8)\ndef f(x):\n    a = []\n    for _ in range(100_000): a = [a]\n    return repr(a)",
            .error
        ),
        ("import re\ndef f(x): return re.match('(a+)+$', 'a' * 60 + 'b')", .timeout),
        ("import sys\nsys.set_int_max_str_digits(0)\ndef f(x): return str(7 ** 20_000_000)", .timeout),
        ("def f(x): return 7 ** 20_000", .failed), ("def f(x): return bytes(40 << 20)", .refused),
        ("import os\ndef f(x): os.abort()", .error), ("import ctypes\ndef f(x): ctypes.string_at(0)", .error),
        ("def f(x):\n    a = []\n    a.append(a)\n    return a", .failed),
        ("import gc, sys\ndef f(x): return gc.get_objects()", .failed),
        ("def f(x):\n    print('\\udcff\\0', end='')\n    return 5", .failed),
        ("import os\ndef f(x):\n    os.write(1, bytes(range(256)))\n    return 5", .failed),
    ])
    func hardEndsAreReportedAndTheNextJobIsRight(_ program: String, _ status: TestOutcome.Status) async throws {
        let report = try await run(
            program, ["assert f(1) == 1"],
            limits: SandboxLimits(wallSeconds: status == .timeout ? 2 : 20, cpuSeconds: 20))
        #expect(report.programError == nil)
        #expect(report.statuses == [status], "\(report)")
        #expect(try await run("def f(x): return x", ["assert f(1) == 1"]).passed)
    }

    @Test func hiddenTestsAreApart() async throws {
        let report = try await run("def f(x): return abs(x)", ["assert f(1) == 1"], hidden: ["assert f(-1) == -1"])
        #expect(report.passed && !report.hiddenPassed)
        #expect(report.hiddenTests[0].message == "got 1, want -1")
    }

    @Test func reportsAreTheSameEveryTime() async throws {
        let program = "import random\ndef f(x): return random.random(), set('hello world'), object()"
        let first = try await run(program, ["assert f(1) == 1"])
        let second = try await run(program, ["assert f(1) == 1"])
        #expect(first.tests == second.tests)
    }

    @Test func noTestsMeansNotPassed() async throws {
        #expect(try await !run("def f(x): return x", []).passed)
    }

    @Test func outputIsKept() async throws {
        let report = try await run("def f(x):\n    print('seen', x)\n    return x", ["assert f('é') == 'é'"])
        #expect(report.output == "seen é\n")
    }

    @Test func carriageReturnsAndTabsAreFine() async throws {
        #expect(try await run("def f(x):\r\n\tif x:\r\n\t\treturn 1\r\n\treturn 0\r\n", ["assert f(1) == 1"]).passed)
    }

    @Test(arguments: [
        ("assert f(1 == 1", "can't be parsed"), ("import nowhere_at_all\nassert f(1) == 1", "nowhere_at_all"),
    ])
    func unusableTestsAreTheSandboxesError(_ test: String, _ text: String) async throws {
        let error = await #expect(throws: SandboxError.self) { _ = try await run("def f(x): return x", [test]) }
        #expect(error?.code == .unusableTests && error!.description.contains(text))
    }
}
