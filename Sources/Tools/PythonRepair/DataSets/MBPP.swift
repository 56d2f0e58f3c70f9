public import Foundation
import PythonSandbox
import StatefulTools

/// Mostly Basic Python Problems (Austin et al., 2021): its two publications, `mbpp.jsonl` and `sanitized-mbpp.json`.
///
/// As a task's program stands the correct one: ``RepairTask/program`` equals ``RepairTask/reference``, ready to be
/// corrupted.
public enum MBPP {
    /// The official splits.
    public enum Split: String, CaseIterable, Hashable, Sendable, Codable {
        case prompt, test, validation, train

        /// The numbers of its tasks.
        public var taskNumbers: ClosedRange<Int> {
            switch self {
            case .prompt: 1...10
            case .test: 11...510
            case .validation: 511...600
            case .train: 601...974
            }
        }
    }

    /// One task as it is published; the two files name the description differently.
    private struct Record: Decodable {
        var taskID: Int
        var text: String?
        var prompt: String?
        var code: String
        var tests: [String]
        var setup: String?
        var imports: [String]?
        var challengeTests: [String]?

        enum CodingKeys: String, CodingKey {
            case taskID = "task_id"
            case text, prompt, code
            case tests = "test_list"
            case setup = "test_setup_code"
            case imports = "test_imports"
            case challengeTests = "challenge_test_list"
        }
    }

    /// Reads either file; the identifiers are `mbpp/601`.
    ///
    /// The programs' line ends (972 of 974 have CR LF) become LF, indentation by tabs alone becomes four spaces a tab
    /// and blanks at the ends of lines go, since nothing that a model writes has them; `raw` leaves every byte.
    /// `test_setup_code` (tasks 367 and 927) runs after the program, as it uses the program's classes; the sanitized
    /// file's imports run there too. Challenge tests are hidden tests.
    ///
    /// - Parameter split: the tasks of one official split, or all.
    /// - Throws: ``ToolTaskError``.
    public static func load(from file: URL, split: Split? = nil, raw: Bool = false) throws -> [RepairTask] {
        var tasks: [RepairTask] = []
        let name = file.lastPathComponent
        func add(_ record: Record) {
            if let split, !split.taskNumbers.contains(record.taskID) { return }
            let setup = (record.imports ?? []) + [record.setup ?? ""].filter { !$0.isEmpty }
            let program = raw ? record.code : cleaned(record.code)
            tasks.append(
                RepairTask(
                    id: "mbpp/\(record.taskID)", prompt: record.text ?? record.prompt ?? "", program: program,
                    tests: .statements(record.tests.map(trimmed)),
                    hiddenTests: (record.challengeTests ?? []).map(trimmed),
                    setup: setup.isEmpty ? nil : setup.joined(separator: "\n"), reference: program))
        }
        var first: UInt8?
        try JSONLines.forEach(in: file) { line in
            first = line.first { $0 > 0x20 }
            return first == nil
        }
        let decoder = JSONDecoder()
        if first == UInt8(ascii: "[") {
            guard let records = try? decoder.decode([Record].self, from: Data(contentsOf: file)) else {
                throw ToolTaskError(.badLine, "\(name): it is not a list of MBPP tasks")
            }
            records.forEach(add)
        } else {
            var number = 0
            try JSONLines.forEach(in: file) { line in
                number += 1
                if line.allSatisfy({ $0 <= 0x20 }) { return true }
                do {
                    add(try decoder.decode(Record.self, from: line))
                } catch {
                    throw ToolTaskError(
                        .badLine, "\(name), line \(number): not an MBPP task: \(ToolTaskError.sentence(error))")
                }
                return true
            }
        }
        return tasks
    }

    /// Whether a file's first line is an MBPP task.
    public static func isMBPP(_ file: URL) -> Bool {
        var found = false
        try? JSONLines.forEach(in: file) { line in
            let text = String(decoding: line.prefix(4_096), as: UTF8.self)
            if text.allSatisfy(\.isWhitespace) || text == "[" { return true }
            found = text.contains("\"code\"") || text.contains("\"source_file\"")
            return false
        }
        return found
    }

    private static func trimmed(_ test: String) -> String { test.trimmingCharacters(in: .whitespacesAndNewlines) }

    /// LF, four spaces for a tab of indentation, no blanks at the ends of lines, a line end after the last.
    ///
    /// A program with a string over several lines keeps its blanks; one that mixes tabs and spaces keeps its tabs.
    static func cleaned(_ code: String) -> String {
        let text = code.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if !text.contains("\"\"\"") && !text.contains("'''") {
            lines = lines.map { line in
                var line = line
                while line.last == " " || line.last == "\t" { line.removeLast() }
                return line
            }
            let indentations = lines.map { $0.prefix { $0 == " " || $0 == "\t" } }
            if indentations.allSatisfy({ $0.allSatisfy { $0 == "\t" } }) {
                lines = zip(lines, indentations).map { line, tabs in
                    String(repeating: "    ", count: tabs.count) + line.dropFirst(tabs.count)
                }
            }
        }
        while lines.last == "" { lines.removeLast() }
        return lines.joined(separator: "\n") + "\n"
    }
}
