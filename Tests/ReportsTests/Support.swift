import Evaluation
import Foundation
import PythonRepair
import PythonSandbox
import Runs
import StatefulTools

@testable import Reports

func temporaryFolder() -> URL { FileManager.default.temporaryDirectory.appending(path: "report-\(UUID())") }

/// The values 1, 1/2, 1/3, … of a loss, as a training run writes them.
func madeMetrics(_ steps: Int) throws -> Metrics {
    let file = temporaryFolder()
    defer { try? FileManager.default.removeItem(at: file) }
    let lines = (1...steps).map { step in
        "{\"step\":\(step),\"loss\":\(1 / Double(step)),\"num_tokens\":\(step * 100),\"step_time\":2}\n"
    }
    try Data(lines.joined().utf8).write(to: file)
    return Metrics(file: file)
}

/// A run of made episodes: programs that grow by a line a turn; every third episode passes at the end.
///
/// - Parameter hostile: stands in every text; a page must not read it as markup.
func madeRun(
    _ name: String, episodes: Int, turns: Int = 4, samples: Int = 1, method: EvaluationMethod = .coe,
    hostile: String = ""
) -> ReportRun {
    var random = SeededGenerator(seed: UInt64(episodes))
    var texts: [Int: String] = [:]
    for (id, text) in ["### ", "ADDL", " ", "1", " >>>", "value", "_", " = ", "\"é\"", "\n"].enumerated() {
        texts[id] = text
    }
    var tasks: [any Tool] = []
    var traces: [Trace] = []
    for number in 0..<(episodes / samples) {
        var program = (0..<12).map { "line_\($0)_\(random.below(1_000)) = \(random.below(1_000_000))" }
        program.append("print('\(hostile)')")
        let initial = program.joined(separator: "\n") + "\n"
        func verdict(passes: Bool) -> Verdict {
            Verdict(
                passed: passes, feedback: passes ? "All tests pass." : "test 1: got 0, want \(number)",
                progress: passes ? 1 : 0,
                failure: passes ? nil : ["AssertionError", "KeyError", "Timeout"][number % 3],
                checks: (0..<3).map { index in
                    .init(
                        name: "assert f(\(index)) == \(number)",
                        outcome: passes ? "passed" : ["failed", "error", "timeout"][number % 3],
                        note: passes ? nil : "got \(index)\(hostile), want \(number)")
                }, seconds: 0.1)
        }
        let repair = RepairTask(
            id: "task-\(number)\(hostile)", prompt: "Write a function. \(hostile)", program: initial,
            tests: .statements((0..<3).map { "assert f(\($0)) == \(number)" }), reference: initial + "y = 1\n")
        guard let task = try? PythonRepair(repair) else { continue }
        tasks.append(task)
        for sample in 0..<samples {
            let isSolved = (number + sample) % 3 == 0
            var tool = task
            let played = (1...turns).map { turn in
                let command = "### ADDL 1 >>>value_\(turn) = \"é\(hostile)\(random.below(99))\""
                _ = try? tool.apply(command)
                let ids = Array(0..<10)
                return Turn(
                    completion: Completion(
                        text: command, promptTokenIDs: [1, 2, 3], tokenIDs: ids,
                        logProbabilities: ids.map { _ in -Float(random.below(3_000)) / 1_000 }),
                    command: command, effect: .changed, state: tool.state,
                    verdict: verdict(passes: isSolved && turn == turns),
                    feedback: turn == turns ? nil : "1>>>x\n***\ntest 1: got 1, want \(number)\(hostile)")
            }
            var trace = Trace(
                start: task, sample: sample, seed: 1, method: method.rawValue, policy: "made",
                initialVerdict: verdict(passes: false), turns: played, exit: isSolved ? .passed : .turnLimit)
            trace.seconds = 1.5
            traces.append(trace)
        }
    }
    var configuration = EvaluationConfiguration(set: "made.jsonl", method: method, model: "made")
    configuration.samples = samples
    return ReportRun(
        name: name, evaluation: EvaluationRun(configuration: configuration, tasks: tasks, traces: traces),
        tokenTexts: texts)
}
