import Foundation
import PythonSandbox
import Testing

/// The cases in `JudgeCases`: a program and its tests each.
struct JudgeCase: Sendable, CustomTestStringConvertible {
    var name: String
    var program: String
    var tests: String

    var testDescription: String { name }

    /// The cases of a file: `=== name`, the program, `--- tests`, the tests.
    static func read(_ file: String) -> [JudgeCase] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "JudgeCases")
        let text = (try? String(contentsOf: folder.appending(path: file), encoding: .utf8)) ?? ""
        return text.split(separator: "\n=== ").dropFirst().compactMap { part in
            let halves = part.split(separator: "\n--- tests\n", maxSplits: 1, omittingEmptySubsequences: false)
            let head = halves[0].split(separator: "\n", maxSplits: 1)
            guard head.count == 2 else { return nil }
            return JudgeCase(
                name: String(head[0]), program: String(head[1]) + "\n", tests: halves.count > 1 ? String(halves[1]) : ""
            )
        }
    }

    /// The tests as statements where each line begins with a dash, as doctests where there are none, else as a file.
    var suite: TestSuite {
        if tests.isEmpty { return .doctests(source: program) }
        if tests.hasPrefix("- ") {
            return .statements(tests.split(separator: "\n").map { String($0.dropFirst(2)) })
        }
        return .file(source: tests + "\n", name: "test_\(name).py")
    }

    func job(_ limits: SandboxLimits) -> SandboxJob {
        SandboxJob(program: program, moduleName: name, tests: suite, limits: limits)
    }

    /// Whether the interpreter has what the case imports.
    var isPossible: Bool {
        (SitePackagesTests.hasPytest || !(tests + program).contains("pytest"))
            && (SitePackagesTests.hasNumpy || !(tests + program).contains("numpy"))
    }
}

/// No wrong program passes, no right one fails, and the next job on the same worker is clean.
@Suite(.serialized) struct JudgeCaseTests {
    private static let sandbox = SitePackagesTests.sandbox
    private let limits = SandboxLimits(wallSeconds: 10, cpuSeconds: 10)

    @Test func theCasesAreThere() {
        #expect(JudgeCase.read("forge.txt").count >= 170)
        #expect(JudgeCase.read("legit.txt").count >= 75)
        #expect(JudgeCase.read("poison.txt").count >= 30)
    }

    @Test(arguments: JudgeCase.read("forge.txt").filter(\.isPossible))
    func aWrongProgramDoesNotPass(_ wrong: JudgeCase) async throws {
        let sandbox = try await Self.sandbox.value
        let report = try await sandbox.run(wrong.job(limits))
        #expect(!report.passed, "\(wrong.name) passed: \(report)")
        try await expectClean(sandbox, after: wrong.name)
    }

    @Test func noRightProgramFailsAndThreeInFiveAreJudged() async throws {
        let sandbox = try await Self.sandbox.value
        var judged = 0
        let cases = JudgeCase.read("legit.txt").filter(\.isPossible)
        for right in cases {
            let report = try await sandbox.run(right.job(limits))
            #expect(report.passed || report.refusal != nil, "\(right.name) failed: \(report)")
            if report.passed { judged += 1 }
        }
        #expect(judged * 5 >= cases.count * 3, "\(judged) of \(cases.count) are judged")
    }

    @Test(arguments: JudgeCase.read("poison.txt"))
    func theNextJobIsClean(_ poison: JudgeCase) async throws {
        let sandbox = try await Shared.single.value
        _ = try? await sandbox.run(poison.job(SandboxLimits(wallSeconds: 3, cpuSeconds: 3)))
        try await expectClean(sandbox, after: poison.name)
    }

    private func expectClean(_ sandbox: PythonSandbox, after name: String) async throws {
        for (value, passes) in [(5, false), (4, true)] {
            let statements = SandboxJob(
                program: "def f(x): return \(value)  # after \(name)\n", tests: .statements(["assert f(2) == 4"]))
            #expect(try await sandbox.run(statements).passed == passes, "after \(name)")
        }
        let file = SandboxJob(
            program: "def f(x): return 5  # after \(name)\n",
            tests: .file(source: "def test_f(): assert f(2) == 4\n", name: "test_f.py"))
        #expect(try await !sandbox.run(file).passed, "after \(name)")
    }
}
