import Foundation
import PythonRepair
import PythonSandbox
import StatefulTools
import Testing
import UserRunner

@testable import UserRepair

/// What the model sees of the user's tests.
@Suite struct FeedbackTests {
    private func decode<Value: Decodable>(_ json: String) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(json.utf8))
    }

    private func report(_ tests: String, outcome: String = "failed") throws -> RunnerReport {
        try decode(#"{"outcome": "\#(outcome)", "tests": [\#(tests)]}"#)
    }

    private func outline(_ tests: String, functions: String = "", called: String = "[]") throws -> ProgramOutline {
        try decode(
            #"{"functions": [\#(functions)], "imports": [], "tests": [\#(tests)], "called": \#(called)}"#)
    }

    @Test func `failing tests come first, and feedback numbers asserts as in training`() throws {
        let report = try report(
            """
            {"id": "t.py::test_a", "outcome": "passed"},
            {"id": "t.py::test_b", "outcome": "failed", "type": "AssertionError", "testLine": 9, "got": "3", "want": "4"},
            {"id": "t.py::test_c", "outcome": "error", "type": "KeyError", "message": "'x'", "programLine": 7, "testLine": 12},
            {"id": "t.py::test_d", "outcome": "timeout", "type": "Timeout", "programLine": 2}
            """)
        let outline = try outline(
            """
            {"id": "t.py::test_a", "statements": [[2, "assert f(0) == 0", true, 2]]},
            {"id": "t.py::test_b", "statements": [[8, "assert f(1) == 2", true, 8], [9, "assert f(2) == 4", true, 9]]},
            {"id": "t.py::test_c", "statements": [[11, "x = g()", false, 11], [12, "assert x.y == 1", true, 12]]},
            {"id": "t.py::test_d", "statements": [[15, "assert h()", true, 15]]}
            """)
        let shown = ShownTests(outline, report)
        #expect(
            shown.statements == [
                "assert f(1) == 2", "assert f(2) == 4", "x = g()", "assert x.y == 1", "assert h()", "assert f(0) == 0",
            ])
        let verdict = Verdict(report, shown: shown)
        #expect(
            verdict.feedback
                == "test 2: got 3, want 4\ntest 3: KeyError in line 7: 'x'\ntest 4: took too long in line 2")
        #expect(!verdict.passed)
        #expect(verdict.progress == 0.25)
    }

    @Test func `a program that does not load is one sentence`() throws {
        var report = try report(#"{"id": "t.py", "outcome": "error", "phase": "collect"}"#)
        report.program = try decode(#"{"type": "SyntaxError", "message": "expected ':'", "line": 3}"#)
        let verdict = Verdict(report, shown: ShownTests(try outline(""), report))
        #expect(verdict.feedback == "SyntaxError in line 3: expected ':'")
        #expect(verdict.failure == "SyntaxError")
    }

    @Test func `tests that are kept back decide and are not told`() throws {
        let tests = (1...6).map {
            #"{"id": "t\#($0)", "outcome": "\#($0 < 3 ? "failed" : "passed")", "got": "1", "want": "2"}"#
        }
        let start = try report(tests.joined(separator: ","))
        let hidden = HeldBack.ids(in: start, kind: .pytest)
        #expect(hidden.count == 2)
        #expect(!hidden.contains("t1"))
        let secret = hidden.sorted()[0]
        let statements = (1...6).map {
            #"{"id": "t\#($0)", "statements": [[\#($0), "assert f(\#($0))", true, \#($0)]]}"#
        }
        let shown = ShownTests(try outline(statements.joined(separator: ",")), start, hidden: hidden)
        #expect(shown.statements.count == 4)
        let after = try report(
            (1...6).map { #"{"id": "t\#($0)", "outcome": "\#("t\($0)" == secret ? "failed" : "passed")"}"# }.joined(
                separator: ","))
        let verdict = Verdict(after, shown: shown, hidden: hidden)
        #expect(verdict.passed)
        #expect(!verdict.solved)
        #expect(verdict.feedback == "All tests pass.")
        #expect(
            Verdict(try report(#"{"id": "t1", "outcome": "passed"}"#, outcome: "passed"), shown: shown, hidden: hidden)
                .solved)
    }

    @Test func `three tests, doctests and commands keep none back`() throws {
        let three = try report((1...3).map { #"{"id": "t\#($0)", "outcome": "failed"}"# }.joined(separator: ","))
        #expect(HeldBack.ids(in: three, kind: .pytest).isEmpty)
        let six = try report((1...6).map { #"{"id": "t\#($0)", "outcome": "failed"}"# }.joined(separator: ","))
        #expect(HeldBack.ids(in: six, kind: .doctest).isEmpty)
        #expect(HeldBack.ids(in: six, kind: .command).isEmpty)
        #expect(HeldBack.ids(in: six, kind: .unittest).count == 2)
    }

    @Test func `of a long program the failing functions and what they call are shown`() throws {
        let program = (1...2_000).map { "line\($0) = \($0)\n" }.joined()
        let functions = """
            {"name": "a", "kind": "function", "first": 10, "last": 20, "calls": ["c"]},
            {"name": "b", "kind": "function", "first": 30, "last": 40, "calls": []},
            {"name": "K", "kind": "class", "first": 100, "last": 900, "calls": ["c"]},
            {"name": "K.c", "kind": "function", "first": 500, "last": 520, "calls": ["b"]}
            """
        let report = try report(#"{"id": "t", "outcome": "failed"}"#)
        let outline = try outline(#"{"id": "t", "statements": []}"#, functions: functions, called: #"[["a"]]"#)
        let window = try #require(Focus.lines(of: program, outline, report))
        #expect(window.ranges == [10...20, 30...40, 100...100, 500...520])
        var tool = try PythonRepair(
            RepairTask(id: "m", prompt: "", program: program, tests: .statements(["assert a()"])))
        tool.shownLines = window
        tool.editableLines = window
        let prompt = tool.opening("test 1: failed", .compact)
        #expect(prompt.contains("10>>>line10 = 10\n11>>>"))
        #expect(!prompt.contains("21>>>"))
        #expect(throws: CommandFault.self) { try tool.apply("### DELL 25") }
        #expect(try tool.apply("### DELL 15") == .changed)
        #expect(tool.shownLines?.ranges == [10...19, 29...39, 99...99, 499...519])
        #expect(Focus.lines(of: "x = 1\n", outline, report) == nil)
        let seeds = Focus.seeds(outline, report)
        #expect(seeds.map(\.name) == ["a"])
        #expect(Focus.narrow(seeds, program)?.ranges == [10...20])
        // A program that is this function alone needs no second view.
        #expect(Focus.narrow(seeds, String(repeating: "\n", count: 9) + String(repeating: "x\n", count: 11)) == nil)
    }
}
