import Foundation
import PythonRepair
import StatefulTools
import Testing

@testable import PythonSandbox
@testable import UserRepair
@testable import UserRunner

/// What Fuzz/run keeps: each message of a worker is read or refused, none crashes or hangs.
@Suite(.timeLimit(.minutes(1))) struct FuzzTests {
    private let program = (1...150).map { $0 % 10 == 1 ? "def f\($0)():\n" : "    x = \($0)\n" }.joined()

    @Test func `messages of the jails`() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/fuzz/jail")
        let decoder = JSONDecoder()
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
            let lines = try Data(contentsOf: file).split(separator: 0x0A).map { Data($0) }
            for line in lines {
                guard let answer = try? decoder.decode(Answer.self, from: line) else { continue }
                let report = SandboxReport(programError: answer.programError, tests: answer.tests ?? [])
                _ = (Verdict(report), report.refusal)
            }
            guard let report = lines.lazy.compactMap({ try? decoder.decode(RunnerReport.self, from: $0) }).first,
                let outline = lines.lazy.compactMap({ try? decoder.decode(ProgramOutline.self, from: $0) }).first
            else { continue }
            _ = (report.headline, report.failures(of: "a.py"), Verdict(report, shown: ShownTests(outline, report)))
            _ = Focus.lines(of: program, outline, report)
            _ = Focus.narrow(Focus.seeds(outline, report), program)
        }
    }
}
