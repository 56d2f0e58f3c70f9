import Foundation
import Testing
import UserRunner

/// What a repair asks about syntax.
@Suite struct OutlineTests {
    @Test func `test functions become plain statements with parameters and fixtures written out`() async throws {
        guard let python = PytestPython.path else { return }
        let folder = try Folder([
            "m.py":
                "class Cart:\n    def __init__(self):\n        self.n = 0\n    def add(self, n):\n        self.n += n\n\ndef grade(points):\n    return 'A'\n",
            "test_m.py": """
            import pytest
            from m import Cart, grade
            @pytest.fixture
            def cart():
                return Cart()
            @pytest.mark.parametrize("points, want", [(95, "A"), (10, "B")])
            def test_grade(points, want):
                \"\"\"grades\"\"\"
                assert want == grade(points)
            def test_cart(cart):
                cart.add(2)
                assert cart.n == 2
            class TestMore:
                def test_raises(self):
                    with pytest.raises(TypeError):
                        grade()
            """,
        ])
        defer { folder.remove() }
        try await withRunner(folder.configuration(tests: ["test_m.py"], interpreter: python)) { runner in
            let program = try Data(contentsOf: URL(filePath: folder.path + "/m.py"))
            let report = try await runner.judge(program, details: true)
            let outline = try await runner.outline(of: program, tests: report)
            let texts = outline.tests.map { $0.statements.map(\.text) }
            #expect(
                texts == [
                    ["assert grade(95) == 'A'"], ["assert grade(10) == 'B'"],
                    ["cart = Cart()", "cart.add(2)", "assert cart.n == 2"],
                    ["with pytest.raises(TypeError): grade()"],
                ])
            #expect(outline.functions.map(\.name) == ["Cart", "Cart.__init__", "Cart.add", "grade"])
            #expect(outline.called.first == ["grade"])
        }
    }

    @Test func `unittest's methods and scripts become asserts`() async throws {
        let folder = try Folder([
            "m.py": "def f(x):\n    return x\n",
            "test_m.py": """
            import unittest
            from m import f
            class T(unittest.TestCase):
                def test_f(self):
                    self.assertEqual(f(1), 2)
                    self.assertIn(f(2), [3])
                    self.assertTrue(f(1))
            if __name__ == "__main__":
                unittest.main()
            """, "checks.py": "from m import f\nassert 2 == f(2)\n",
        ])
        defer { folder.remove() }
        let program = Data("def f(x):\n    return x\n".utf8)
        for (tests, kind, wanted) in [
            ("test_m.py", TestKind.unittest, ["assert f(1) == 2", "assert f(2) in [3]", "assert f(1)"]),
            ("checks.py", .script, ["assert f(2) == 2"]),
        ] {
            try await withRunner(folder.configuration(tests: [tests], kind: kind)) { runner in
                let report = try await runner.judge(program, details: true)
                let outline = try await runner.outline(of: program, tests: report)
                #expect(outline.tests.flatMap { $0.statements.map(\.text) } == wanted)
            }
        }
    }

    @Test func `the interpreter's suggestions parse`() async throws {
        let folder = try Folder(["m.py": "x = 1\n", "checks.py": "import m\nassert m.x\n"])
        defer { folder.remove() }
        try await withRunner(folder.configuration()) { runner in
            for (program, wanted) in [
                ("def f(x)\n    return x\n", "def f(x):\n    return x\n"), ("x = [1 2]\n", "x = [1, 2]\n"),
                ("def f(x):\r\nreturn x\r\n", "def f(x):\r\n    return x\r\n"), ("print 'a'\n", "print('a')\n"),
                ("if x = 3:\n    pass\n", "if x == 3:\n    pass\n"), ("x = f(1))\n", "x = f(1)\n"),
                ("def f(x):\n\tif x:\n        return 1\n", "def f(x):\n    if x:\n        return 1\n"),
            ] {
                let found = try await runner.suggestions(for: Data(program.utf8))
                #expect(found.contains { $0.utf8.elementsEqual(wanted.utf8) }, "\(program): \(found)")
            }
            #expect(try await runner.suggestions(for: Data("x = 1\n".utf8)).isEmpty)
        }
    }

    @Test func `a repair that repeats the tests is known; an honest one is not`() async throws {
        let folder = try Folder([
            "m.py": "",
            "checks.py":
                "from m import fact, kind\nassert fact(5) == 120\nassert fact(3) == 6\nassert kind(7) == 'odd'\n",
        ])
        defer { folder.remove() }
        let before =
            "def fact(n):\n    \"\"\"n!\"\"\"\n    r = 0\n    for i in range(n):\n        r *= i\n    return r\n\ndef kind(n):\n    return str(n)\n"
        try await withRunner(folder.configuration()) { runner in
            func warnings(_ after: String) async throws -> [RepairWarning] {
                try await runner.warnings(before: Data(before.utf8), after: Data(after.utf8))
            }
            let honest = before.replacing("r = 0", with: "r = 1").replacing("range(n)", with: "range(1, n + 1)")
            #expect(try await warnings(honest).isEmpty)
            let special = before.replacing("    r = 0\n", with: "    if n == 5:\n        return 120\n    r = 0\n")
            #expect(try await warnings(special).contains { $0.strong && $0.text.contains("120") })
            let constant = before.replacing("return str(n)", with: "return 'odd'")
            #expect(try await warnings(constant).contains { $0.strong && $0.text.contains("'odd'") })
            let branches = before.replacing("return str(n)", with: "if n % 2:\n        return 'odd'\n    return 'even'")
            #expect(try await warnings(branches).contains { !$0.strong && $0.text.contains("'odd'") })
            #expect(try await !warnings(branches).contains(where: \.strong))
            let deleted = try await warnings("def fact(n):\n    return 1\n")
            #expect(deleted.contains { $0.text.contains("docstring of fact") })
            #expect(deleted.contains { $0.text.contains("deletes kind") })
        }
    }

    @Test func `lines that run are reported, and added lines that do not are warned about`() async throws {
        let folder = try Folder(["m.py": "", "checks.py": "from m import f\nassert f(1) == 1\n"])
        defer { folder.remove() }
        let before = "def f(x):\n    return 2\n"
        let after = "def f(x):\n    if x > 5:\n        return 9\n    return x\n"
        try await withRunner(folder.configuration()) { runner in
            let report = try await runner.judge(Data(after.utf8), trace: true)
            #expect(report.passed)
            #expect(Set(report.reached ?? []) == [1, 2, 4])
            let warnings = try await runner.warnings(
                before: Data(before.utf8), after: Data(after.utf8), added: [2, 3, 4], reached: report.reached)
            #expect(warnings.map(\.text) == ["No test reaches line 3, which the repair adds."])
        }
    }
}
