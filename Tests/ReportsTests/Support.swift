import Episodes
import Evaluation
import Foundation
import LineEditor
import PythonSandbox
import RepairTasks

@testable import Reports

func temporaryFolder() -> URL { FileManager.default.temporaryDirectory.appending(path: "report-\(UUID())") }

/// A run of made episodes: programs that grow by a line a turn, every third of which passes at the end.
///
/// All that a page must not read as markup stands in the texts.
func madeRun(
    _ name: String, episodes: Int, turns: Int = 4, samples: Int = 1, method: EvaluationMethod = .coe,
    hostile: String = ""
) -> ReportRun {
    var random = SeededGenerator(seed: UInt64(episodes))
    var texts: [Int: String] = [:]
    for (id, text) in ["### ", "ADDL", " ", "1", " >>>", "value", "_", " = ", "\"é\"", "\n"].enumerated() {
        texts[id] = text
    }
    var tasks: [RepairTask] = []
    var traces: [Trace] = []
    for number in 0..<(episodes / samples) {
        var program = (0..<12).map { "line_\($0)_\(random.below(1_000)) = \(random.below(1_000_000))" }
        program.append("print('\(hostile)')")
        let initial = program.joined(separator: "\n") + "\n"
        let kinds: [TestOutcome.Status] = [.failed, .error, .timeout]
        func report(passes: Bool) -> SandboxReport {
            SandboxReport(
                tests: (0..<3).map { index in
                    TestOutcome(
                        name: "assert f(\(index)) == \(number)", status: passes ? .passed : kinds[number % 3],
                        message: passes ? nil : "got \(index)\(hostile), want \(number)", errorType: "KeyError")
                }, seconds: 0.1)
        }
        tasks.append(
            RepairTask(
                id: "task-\(number)\(hostile)", prompt: "Write a function. \(hostile)", program: initial,
                tests: .statements((0..<3).map { "assert f(\($0)) == \(number)" }), reference: initial + "y = 1\n"))
        for sample in 0..<samples {
            let isSolved = (number + sample) % 3 == 0
            var editor = ProgramText(initial)
            let played = (1...turns).map { turn in
                let command = Command.insert(line: 1, content: "value_\(turn) = \"é\(hostile)\(random.below(99))\"")
                try? editor.apply(command)
                let ids = (0..<10).map { $0 }
                return Turn(
                    completion: Completion(
                        text: command.description, promptTokenIDs: [1, 2, 3], tokenIDs: ids,
                        logProbabilities: ids.map { _ in -Float(random.below(3_000)) / 1_000 }),
                    command: command, report: report(passes: isSolved && turn == turns),
                    feedback: turn == turns ? nil : "1>>>x\n***\ntest 1: got 1, want \(number)\(hostile)",
                    reward: isSolved && turn == turns ? 1 : 0, programDigest: programDigest(editor.text))
            }
            traces.append(
                Trace(
                    task: tasks[number].id, sample: sample, seed: 1, method: method.rawValue, policy: "made",
                    initialProgram: initial, initialReport: report(passes: false), turns: played,
                    finalProgram: editor.text, finalReport: report(passes: isSolved),
                    exit: isSolved ? .passed : .turnLimit, seconds: 1.5))
        }
    }
    let configuration = EvaluationConfiguration(set: "made.jsonl", method: method, model: "made", samples: samples)
    return ReportRun(
        name: name, evaluation: EvaluationRun(configuration: configuration, tasks: tasks, traces: traces),
        tokenTexts: texts)
}

/// A Python that has all of `modules`: the one named in the environment, or a usual one.
func python(with modules: String, named variable: String) -> String? {
    let named = ProcessInfo.processInfo.environment[variable]
    return ([named, ".venv/bin/python3", "/usr/bin/python3"] as [String?]).compactMap { $0 }.first { path in
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = ["-c", "import \(modules)"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
