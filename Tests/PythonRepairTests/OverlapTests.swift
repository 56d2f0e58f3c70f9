import PythonRepair
import PythonSandbox
import Testing

@Suite struct OverlapTests {
    func task(_ id: String, _ prompt: String, _ program: String) -> RepairTask {
        RepairTask(id: id, prompt: prompt, program: program, tests: .statements(["assert 1"]), reference: program)
    }

    @Test func `the same program, a renamed one and the same description are found, the rest is not`() async throws {
        let test = [
            task("t1", "Write a function that adds up the numbers of a list.", "def f(xs):\n    return sum(xs)\n"),
            task("t2", "Reverse it.", "def g(s):\n    t = s[::-1]\n    return t\n"),
        ]
        let train = [
            task("same", "One thing.", "def f( xs ):  # total\n  return sum(xs)"),
            task("renamed", "Another thing.", "def h(text):\n    back = text[::-1]\n    return back\n"),
            task("words", "write a function that ADDS up the numbers of a list!", "def k(a):\n    return a\n"),
            task("short", "reverse it", "def m(a):\n    return a + 1\n"),
            task("other", "Write a function that adds two words.", "def n(a, b):\n    return a + b\n"),
        ]
        let overlap = try await Overlap.find(of: train, with: test)
        #expect(
            overlap.findings == [
                .init(task: "same", testTask: "t1", reason: .program),
                .init(task: "renamed", testTask: "t2", reason: .renamedProgram),
                .init(task: "words", testTask: "t1", reason: .description),
                .init(task: "short", testTask: "t2", reason: .description),
            ])
        #expect(overlap.report.contains("4 of 5 training tasks"))
    }

    @Test func `a faulty program is compared as well as its reference`() async throws {
        var train = task("a", "One.", "def f(x):\n    return x\n")
        train.program = "def f(x):\n    return x * 7\n"
        let test = task("b", "Two.", "def f(x):\n    return x * 7\n")
        #expect(try await Overlap.find(of: [train], with: [test]).findings.map(\.reason) == [.program])
    }
}
