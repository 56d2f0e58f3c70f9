import Foundation
import PythonSandbox
import StatefulTools
import Testing

@testable import PythonRepair

/// Readers of what others publish, on texts made in the same form.
@Suite struct PublishedSetTests {
    let folder = FileManager.default.temporaryDirectory.appending(path: "sets-\(UUID())")

    private func write(_ path: String, _ text: String) throws {
        let file = folder.appending(path: path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    private func load(_ path: String) throws -> [RepairTask] {
        try #require(try TaskSet.load(folder.appending(path: path).path(percentEncoded: false), split: .all))
    }

    /// What is wrong with a task: its program must fail and its reference pass.
    private func problems(_ tasks: [RepairTask]) async throws -> [String] {
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        var problems: [String] = []
        for task in tasks {
            if try await sandbox.run(task.job(program: task.program)).passed { problems.append("\(task.id) passes") }
            let report = try await sandbox.run(task.job(program: task.reference ?? ""))
            if !report.passed { problems.append("\(task.id)'s reference: \(report)") }
        }
        await sandbox.shutdown()
        return problems
    }

    @Test func `HumanEvalFix: declaration and solution are joined, each assertion is a test`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let test =
            #"\n\n\n\n\ndef check(add):\n    assert add(1, 2) == 3\n    # more\n    assert add(\n        1,\n        1\n    ) == 2\n    assert True, \"x\"\n\ncheck(add)"#
        let other =
            #"def check(add):\n    import math\n    for i in range(3):\n        assert add(i, i) == 2 * i\n\ncheck(add)"#
        let record = { (id: Int, test: String) in
            #"{"task_id":"Python/\#(id)","prompt":"x","declaration":"def add(a, b):\n","canonical_solution":"    return a + b\n","buggy_solution":"    return a - b\n","bug_type":"operator misuse","test":"\#(test)","docstring":"Adds."}"#
        }
        try write("pack.jsonl", record(0, test) + "\n" + record(1, other) + "\n")
        let tasks = try load("pack.jsonl")
        #expect(tasks.map(\.id) == ["humanevalfix/Python/0", "humanevalfix/Python/1"])
        #expect(tasks[0].program == "def add(a, b):\n    return a - b\n")
        #expect(tasks[0].tests == .statements(["assert add(1, 2) == 3", "assert add(\n    1,\n    1\n) == 2"]))
        #expect(tasks[1].tests == .statements([other.replacing("\\n", with: "\n")]))
        #expect(tasks[0].prompt == "Adds.")
        #expect(try await problems(tasks) == [])
    }

    private func writeQuixBugs(_ root: String) throws {
        let head =
            "import pytest\nfrom node import Node\n\nif pytest.use_correct:\n    from correct_python_programs.NAME import NAME\nelse:\n    from python_programs.NAME import NAME\n\n\n"
        func program(_ name: String, _ faulty: String, _ correct: String, test: String, cases: String? = nil) throws {
            try write("\(root)/python_programs/\(name).py", "\n\(faulty)\n\n\n\"\"\"\nDoes \(name).\n\"\"\"\n")
            try write(
                "\(root)/correct_python_programs/\(name).py",
                "\n\(correct)\n\n\"\"\"\ndef \(name)():\n    other\n\"\"\"\n")
            try write("\(root)/python_testcases/test_\(name).py", head.replacing("NAME", with: name) + test)
            if let cases { try write("\(root)/json_testcases/\(name).json", cases) }
        }
        let plain = { (call: String) in
            "testdata = load_json_testcases(f.__name__)\n\n\n@pytest.mark.parametrize(\"input_data,expected\", testdata)\ndef test_f(input_data, expected):\n    assert \(call)\n"
        }
        try write("\(root)/python_programs/node.py", "class Node: pass\n")
        try write(
            "\(root)/python_testcases/node.py",
            "class Node:\n    def __init__(self, value=None, successor=None):\n        self.value = value\n        self.successor = successor\n"
        )
        try program(
            "half", "def half(x, flag):\n    return x",
            "def half(x, flag):\n    return x / 2 if flag and isinstance(x, float) else None",
            test: plain("half(*input_data) == expected"),
            cases: "[[3.0, true], 1.5]\n[[\"true, [\\\"x\", true], null]\n")
        try program(
            "pairs", "def pairs(n):\n    return n", "def pairs(n):\n    return [(1, n)]",
            test: "testdata = [[inp, [tuple(x) for x in out]] for inp, out in testdata]\n"
                + plain("pairs(*input_data) == expected"),
            cases: "[[2], [[1, 2]]]\n")
        try program(
            "root", "def root(x, e):\n    return x", "def root(x, e):\n    return x ** .5 + e / 2",
            test: plain("root(*input_data) == pytest.approx(expected, abs=input_data[-1])"), cases: "[[4, 0.01], 2]\n")
        try program(
            "last", "def last(node):\n    return node",
            "def last(node):\n    while node.successor:\n        node = node.successor\n    return node",
            test:
                "a = Node(1)\nb = Node(2, a)\n\n\ndef test1():\n    \"\"\"Case 1: two\n    Output: 1\n    \"\"\"\n\n    result = last(b)\n\n    assert result.value == 1\n\n\ndef test2():\n    \"\"\"Case 2\"\"\"\n    assert last(a).value == 1\n"
        )
    }

    @Test func `QuixBugs: cases and test functions become tests, the description leaves the program`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try writeQuixBugs("quix")
        let tasks = try load("quix")
        #expect(tasks.map(\.id) == ["half", "last", "pairs", "root"].map { "quixbugs/\($0)" })
        #expect(
            tasks[0].tests
                == .statements(["assert half(3.0, True) == 1.5", "assert half(\"true, [\\\"x\", True) == None"]))
        #expect(tasks[0].program == "def half(x, flag):\n    return x\n")
        #expect(tasks[0].prompt == "Does half.")
        #expect(
            tasks[1].tests == .statements(["result = last(b)\nassert result.value == 1", "assert last(a).value == 1"]))
        #expect(tasks[1].setup?.hasSuffix("a = Node(1)\nb = Node(2, a)") == true)
        #expect(tasks[2].tests == .statements(["assert pairs(2) == [(1, 2)]"]))
        #expect(tasks[3].tests == .statements(["assert abs(root(4, 0.01) - 2) <= 0.01"]))
        #expect(try await problems(tasks) == [])
    }

    @Test func `an archive is read like the folder in it, and a damaged one is refused`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try writeQuixBugs("QuixBugs-master")
        let tar = Process()
        tar.executableURL = URL(filePath: "/usr/bin/env")
        tar.arguments = ["tar", "-czf", "quixbugs.tar.gz", "QuixBugs-master"]
        tar.currentDirectoryURL = folder
        try tar.run()
        tar.waitUntilExit()
        #expect(try load("quixbugs.tar.gz") == load("QuixBugs-master"))
        try write("bad.tar.gz", "no archive")
        let error = #expect(throws: ToolTaskError.self) { _ = try load("bad.tar.gz") }
        #expect(error?.description.contains("tar can't unpack it") == true)
        try write("empty/x", "")
        #expect(throws: ToolTaskError.self) { _ = try load("empty") }
    }

    @Test func `DebugBench: examples become assertions where they can`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let solution =
            #"class Solution:\n    def helper(self, a, b):\n        return a\n    def pick(self, nums: List[int], k: int, s: str = \"\") -> bool:\n        return k in nums"#
        let examples =
            #"["Input: nums = [1, 2], k = 2, s = \"a,b = c\"\nOutput: true\nExplanation: it is.","Input: nums = [[1]], k = 0, s = \"\"\nOutput: false","Input: nums = x\nOutput: 3"]"#
        func record(_ solution: String, _ examples: String, more: String = "") -> String {
            #"{"slug":"pick","description":"Pick.","examples":\#(examples),"constraints":"k > 0","release_time":1,"oracle_code":"\#(solution)","level":"easy","buggy_code":"\n\#(solution.replacing("k in nums", with: "k"))\n"\#(more)}"#
        }
        let design = #"["Input\n[\"LRU\"]\n[[2]]\nOutput\n[null]"]"#
        try write(
            "benchmark/python3_logic error.json", "[\n\(record(solution, examples)),\n\(record(solution, design))]")
        try write("benchmark/java_double.json", "[]")
        try write(
            "eval.json",
            "[" + record(solution, examples, more: #","language":"cpp""#) + ","
                + record(solution, examples, more: #","language":"python3","subtype":"logic error""#) + "]")
        let tasks = try load("benchmark")
        #expect(tasks.map(\.id) == ["debugbench/logic error/0/pick"])
        #expect(
            tasks[0].tests
                == .statements([
                    "assert Solution().pick([1, 2], 2, \"a,b = c\") == True",
                    "assert Solution().pick([[1]], 0, \"\") == False",
                ]))
        #expect(tasks[0].prompt == "Pick.\nConstraints: k > 0")
        #expect(tasks[0].program.hasPrefix("class Solution"))
        #expect(try await problems(tasks) == [])
        #expect(try load("eval.json").map(\.tests) == tasks.map(\.tests))
        #expect(try load("eval.json").map(\.id) == ["debugbench/logic error/1/pick"])
        #expect(
            DebugBench.test(
                "Input: root = [1]\nOutput: 1", solution: "class Solution:\n    def f(self, root: TreeNode):") == nil)
        #expect(DebugBench.test("Input: a = 1\nOutput: 1", solution: "class Solution:\n    def )f(self, a:") == nil)
    }
}
