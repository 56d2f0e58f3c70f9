public import Foundation
import PythonSandbox
import StatefulTools

/// HumanEvalFix as published (Muennighoff et al., arXiv 2308.07124): the Python part of HumanEvalPack, whose `buggy_solution`s
/// have one hand-made bug each.
public enum HumanEvalFix {
    private struct Record: Decodable {
        var taskID: String
        var declaration: String
        var canonicalSolution: String
        var buggySolution: String
        var test: String
        var docstring: String?
        var bugType: String?

        enum CodingKeys: String, CodingKey {
            case taskID = "task_id"
            case declaration
            case canonicalSolution = "canonical_solution"
            case buggySolution = "buggy_solution"
            case test, docstring
            case bugType = "bug_type"
        }
    }

    /// Reads `humanevalpack.jsonl`; the identifiers are `humanevalfix/Python/0`.
    ///
    /// The model may see the tests, as in the benchmark. Where a test function holds nothing but assertions, each is a
    /// test of its own; else the whole function is one. The docstring is the task in words and not part of the program.
    ///
    /// - Throws: ``ToolTaskError``.
    public static func load(from file: URL) throws -> [RepairTask] {
        var tasks: [RepairTask] = []
        var number = 0
        let decoder = JSONDecoder()
        try JSONLines.forEach(in: file) { line in
            number += 1
            if line.allSatisfy({ $0 <= 0x20 }) { return true }
            do {
                let record = try decoder.decode(Record.self, from: line)
                tasks.append(
                    RepairTask(
                        id: "humanevalfix/" + record.taskID, prompt: record.docstring ?? "",
                        program: record.declaration + record.buggySolution, tests: .statements(tests(record.test)),
                        reference: record.declaration + record.canonicalSolution,
                        meta: .object(["bug_type": record.bugType.map { .string($0) } ?? .null])))
            } catch {
                throw ToolTaskError(
                    .badLine,
                    "\(file.lastPathComponent), line \(number): not a HumanEvalPack task: \(ToolTaskError.sentence(error))"
                )
            }
            return true
        }
        return tasks
    }

    /// The assertions in the body of `def check(…)`, or the whole text where there is more than these.
    static func tests(_ text: String) -> [String] {
        let whole = [text.trimmingCharacters(in: .newlines)]
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard let start = lines.firstIndex(where: { $0.hasPrefix("def check(") }) else { return whole }
        var tests: [[String]] = []
        for line in lines[(start + 1)...] {
            if line.hasPrefix("check(") { break }
            guard !line.allSatisfy(\.isWhitespace) else { continue }
            guard line.hasPrefix("    ") else { return whole }
            let body = String(line.dropFirst(4))
            if body.hasPrefix("assert ") || body.hasPrefix("assert(") {
                tests.append([body])
            } else if body.hasPrefix(" ") || body.first == ")" || body.first == "]" || body.first == "}" {
                guard !tests.isEmpty else { return whole }
                tests[tests.count - 1].append(body)
            } else if !body.hasPrefix("#") {
                return whole
            }
        }
        // `assert True` says nothing, and HumanEval has some.
        let kept = tests.map { $0.joined(separator: "\n") }.filter { !$0.hasPrefix("assert True") }
        return kept.isEmpty ? whole : kept
    }
}
