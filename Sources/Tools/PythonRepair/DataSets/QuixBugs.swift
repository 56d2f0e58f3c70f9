public import Foundation
import PythonSandbox
import StatefulTools

/// QuixBugs as published (Lin et al., 2017): the Python programs of github.com/jkoppel/QuixBugs with one faulty line each.
public enum QuixBugs {
    /// Cases that take minutes, which the publisher's own tests skip, and one of many seconds.
    private static let slow = ["[6404180,", "\"amanaplanacanalpanama\"", "\"rosettacode\""]

    /// Reads the repository's folder; the identifiers are `quixbugs/bitcount`.
    ///
    /// The description that stands behind each program becomes the task in words. JSON cases become assertions of the
    /// form that the publisher's tests have; of the programs on graphs and lists each test function is one test, and
    /// the publisher's `Node` with what stands before the functions is the setup.
    ///
    /// - Throws: ``ToolTaskError``.
    public static func load(from folder: URL) throws -> [RepairTask] {
        func read(_ path: String) throws -> String {
            guard let text = try? String(contentsOf: folder.appending(path: path), encoding: .utf8) else {
                throw ToolTaskError(
                    .unreadable, "\(folder.path(percentEncoded: false)) is no whole QuixBugs: \(path) is missing")
            }
            return text
        }
        let programs = folder.appending(path: "python_programs")
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: programs.path(percentEncoded: false))) ?? [])
            .filter { $0.hasSuffix(".py") && !$0.hasSuffix("_test.py") && $0 != "node.py" && !$0.hasPrefix("__") }
            .map { String($0.dropLast(3)) }.sorted()
        if names.isEmpty {
            throw ToolTaskError(.unreadable, "\(programs.path(percentEncoded: false)) holds no programs")
        }
        let node = try read("python_testcases/node.py")
        return try names.map { name in
            let (program, description) = parts(try read("python_programs/\(name).py"))
            let test = try read("python_testcases/test_\(name).py")
            var setup: String?
            var tests: [String]
            let cases = folder.appending(path: "json_testcases/\(name).json")
            if FileManager.default.fileExists(atPath: cases.path(percentEncoded: false)) {
                tests = try Self.tests(read("json_testcases/\(name).json"), form: test, name: name)
            } else {
                let functions = functions(test)
                let usesNode = test.contains("import Node")
                let before = [usesNode ? node.trimmingCharacters(in: .newlines) : "", functions.before]
                setup = before.filter { !$0.isEmpty }.joined(separator: "\n\n")
                tests = functions.bodies
            }
            if tests.isEmpty { throw ToolTaskError(.badLine, "quixbugs: \(name) has no test that can be read") }
            return RepairTask(
                id: "quixbugs/\(name)", prompt: description, program: program, tests: .statements(tests),
                setup: setup?.isEmpty == true ? nil : setup,
                reference: parts(try read("correct_python_programs/\(name).py")).program)
        }
    }

    /// The code of a file, and the string that stands behind it. Other solutions that stand there too are left out.
    static func parts(_ text: String) -> (program: String, description: String) {
        let pieces = text.components(separatedBy: "\"\"\"")
        let program = pieces[0].trimmingCharacters(in: .newlines) + "\n"
        let description = pieces.count > 1 ? pieces[1].trimmingCharacters(in: .whitespacesAndNewlines) : ""
        return (program, description)
    }

    /// One assertion for each line `[arguments, expected]`, as the last assertion of the publisher's test has it.
    private static func tests(_ cases: String, form: String, name: String) throws -> [String] {
        let assertion = form.split(separator: "\n").last { $0.contains("assert ") }.map(String.init) ?? ""
        guard let call = assertion.firstRange(of: "assert "), let equals = assertion.firstRange(of: " == ") else {
            throw ToolTaskError(.badLine, "quixbugs: the test of \(name) has no assertion that can be read")
        }
        let left = assertion[call.upperBound..<equals.lowerBound]
        return cases.split(separator: "\n").compactMap { line in
            guard !slow.contains(where: { line.contains($0) }) else { return nil }
            let parts = PythonLiteral.elements(String(line))
            guard parts.count == 2 else { return nil }
            let arguments =
                parts[0].hasPrefix("[")
                ? PythonLiteral.elements(parts[0]).map(PythonLiteral.init(json:)) : [PythonLiteral(json: parts[0])]
            let value = left.replacing("*input_data", with: arguments.map(\.text).joined(separator: ", "))
            var expected = PythonLiteral(json: parts[1]).text
            if form.contains("pytest.approx"), let tolerance = arguments.last {
                return "assert abs(\(value) - \(expected)) <= \(tolerance.text)"
            }
            if form.contains("tuple(x) for x in out") {
                let tuples = PythonLiteral.elements(parts[1]).map { item in
                    let inner = PythonLiteral.elements(item).map { PythonLiteral(json: $0).text }
                    return "(\(inner.joined(separator: ", "))" + (inner.count == 1 ? ",)" : ")")
                }
                expected = "[\(tuples.joined(separator: ", "))]"
            }
            return "assert \(value) == \(expected)"
        }
    }

    /// The bodies of a test file's functions, and the other statements before them.
    private static func functions(_ text: String) -> (before: String, bodies: [String]) {
        var before: [String] = []
        var bodies: [[String]] = []
        var isImport = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if line.hasPrefix("def test") {
                bodies.append([])
            } else if line.hasPrefix(" ") && !bodies.isEmpty {
                bodies[bodies.count - 1].append(line.hasPrefix("    ") ? String(line.dropFirst(4)) : line)
            } else if line.isEmpty {
                if !bodies.isEmpty { bodies[bodies.count - 1].append("") }
            } else if line.hasPrefix("import ") || line.hasPrefix("from ") || line.hasPrefix("if pytest")
                || line.hasPrefix("else:")
            {
                isImport = true
            } else if !(isImport && line.hasPrefix(" ")) {
                isImport = false
                before.append(line)
            }
        }
        let cleaned = bodies.map { body in
            var text = body.joined(separator: "\n").trimmingCharacters(in: .newlines)
            if text.hasPrefix("\"\"\""), let end = text.dropFirst(3).firstRange(of: "\"\"\"") {
                text = text[end.upperBound...].trimmingCharacters(in: .newlines)
            }
            while let blank = text.firstRange(of: "\n\n") { text.replaceSubrange(blank, with: "\n") }
            return text
        }
        return (before.joined(separator: "\n"), cleaned)
    }
}
