import Foundation
import PythonRepair
import PythonSandbox
import StatefulTools
import Testing
import UserRunner

@testable import UserRepair

/// Which of several programs that pass is taken.
@Suite struct AcceptanceTests {
    private func accept(
        _ program: String, _ tests: String, _ candidates: [String]
    ) async throws -> Acceptance.Result {
        let folder = Project.real(FileManager.default.temporaryDirectory.path(percentEncoded: false)) + "/coe-\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data(program.utf8).write(to: URL(filePath: folder + "/m.py"))
        try Data(tests.utf8).write(to: URL(filePath: folder + "/checks.py"))
        let runner = try await UserRunner(
            RunnerConfiguration(
                file: folder + "/m.py", tests: ["checks.py"],
                project: Project(of: folder + "/m.py", workingFolder: folder), interpreter: "python3"))
        let user = try UserProgram(reading: folder + "/m.py")
        let result = try await Acceptance(runner: runner, program: user).choose(among: candidates)
        await runner.shutdown()
        return result
    }

    private static let program = "def add(a, b):\n    return a - b\n\n\ndef twice(x):\n    return 2 * x\n"
    private static let tests = "from m import add\nassert add(5, 7) == 12\nassert add(3, 1) == 4\n"

    @Test func `the smallest wins, and changes that no test needs are taken back`() async throws {
        let small = Self.program.replacing("a - b", with: "a + b")
        let large = small.replacing("return a + b", with: "return b + a + 0")
        let more = small.replacing("2 * x", with: "x * 2")
        #expect(try await accept(Self.program, Self.tests, [large, small]).repair?.program == small)
        let shrunk = try await accept(Self.program, Self.tests, [more]).repair
        #expect(shrunk?.program == small)
        #expect(shrunk?.droppedChanges == 1)
        #expect(shrunk?.distance == 1)
    }

    @Test func `what only repeats the tests is rejected, an honest repair beside it is taken`() async throws {
        let repeated = Self.program.replacing(
            "    return a - b",
            with: "    if a == 5:\n        return 12\n    if a == 3:\n        return 4\n    return a - b")
        let result = try await accept(Self.program, Self.tests, [repeated])
        #expect(result.repair == nil)
        #expect(result.rejected?.reasons.isEmpty == false)
        let honest = Self.program.replacing("a - b", with: "sum((a, b))")
        #expect(try await accept(Self.program, Self.tests, [repeated, honest]).repair?.program == honest)
    }

    @Test func `what fails is not taken, and warnings are sentences`() async throws {
        #expect(try await accept(Self.program, Self.tests, [Self.program]).repair == nil)
        let extra = Self.program.replacing(
            "    return a - b", with: "    if a > 99:\n        return 1\n    return a + b")
        let repair = try await accept(Self.program, Self.tests, [extra]).repair
        #expect(repair?.warnings.allSatisfy { $0.hasSuffix(".") } == true)
    }

    @Test func `hunks give back the old text, the new one, and any mix`() {
        let old = "a\nb\nc\nd\ne"
        let new = "a\nB\nc\nd2\ne\nf"
        let hunks = Hunks(from: old, to: new)
        #expect(hunks.text(without: []) == new)
        #expect(hunks.text(without: Set(hunks.hunks.indices)) == old)
        #expect(hunks.text(without: [0]) == "a\nb\nc\nd2\ne\nf")
        #expect(hunks.addedLines == [2, 4, 5, 6])
        #expect(Hunks(from: old, to: old).distance == 0)
    }

    @Test func `attempts agree on a line, then on a kind of edit`() throws {
        let log = AttemptLog()
        let tool = try PythonRepair(
            RepairTask(id: "m", prompt: "", program: "x = 1\n", tests: .statements(["assert x"])))
        func note(_ sample: Int, _ command: String) {
            let verdict = Verdict(passed: false, feedback: "", progress: 0)
            var turn = Turn(completion: Completion(text: command), verdict: verdict)
            turn.command = command
            log.note(sample, turn, tool, verdict)
        }
        note(0, "### DELL 4")
        #expect(log.hint == nil)
        note(1, "### REPL 4 >>>x")
        note(2, "### REPL 4 >>>y")
        note(3, "### ADDL 1 >>>y")
        #expect(log.hint == "3 of 4 attempts edited line 4, most by rewriting it.")
        #expect(log.edits == 4)
    }
}
