public import Foundation
import PythonSandbox
import StatefulTools

/// DebugBench as published (Tian et al., arXiv 2401.04621): LeetCode solutions into which GPT-4 put bugs; its Python 3 part.
///
/// The publisher judges on LeetCode's servers, so the only tests are the statements' examples, which are weak: a
/// program that passes them need not be right. Some references fail them too, where several answers are right;
/// `coe data check` names these.
public enum DebugBench {
    /// One instance, in either publication: `eval.json` of the data set, or a file of the repository's `benchmark` folder.
    private struct Record: Decodable {
        var slug: String
        var language: String?
        var subtype: String?
        var level: String?
        var question: String?
        var description: String?
        var examples: [String]
        var constraints: String?
        var solution: String?
        var oracleCode: String?
        var buggyCode: String

        enum CodingKeys: String, CodingKey {
            case slug, language, subtype, level, question, description, examples, constraints, solution
            case oracleCode = "oracle_code"
            case buggyCode = "buggy_code"
        }
    }

    /// What LeetCode has imported before a solution runs.
    static let prelude = """
        from typing import *
        from collections import *
        import collections, math, heapq, bisect, functools, itertools, string, re, operator, sys, random
        from math import *
        from heapq import *
        from bisect import *
        from functools import *
        from itertools import *
        from operator import xor, add, mul, itemgetter
        inf = float("inf")

        """

    /// Reads `eval.json`, a file `python3_….json`, or a folder of those; the identifiers are
    /// `debugbench/SUBTYPE/NUMBER/SLUG`.
    ///
    /// Left out are instances whose examples can't be turned into assertions: classes to be designed, changes in place,
    /// and trees and lists that LeetCode builds.
    ///
    /// - Throws: ``ToolTaskError``.
    public static func load(from file: URL) throws -> [RepairTask] {
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: file.path(percentEncoded: false), isDirectory: &isFolder)
        if isFolder.boolValue {
            let names = try FileManager.default.contentsOfDirectory(atPath: file.path(percentEncoded: false))
            return try names.filter { $0.hasPrefix("python3_") && $0.hasSuffix(".json") }.sorted()
                .flatMap { try load(from: file.appending(path: $0)) }
        }
        let name = file.lastPathComponent
        var records: [Record] = []
        do {
            let data = try Data(contentsOf: file)
            if data.first(where: { $0 > 0x20 }) == UInt8(ascii: "[") {
                records = try JSONDecoder().decode([Record].self, from: data)
            } else {
                records = try data.split(separator: 0x0A).map { try JSONDecoder().decode(Record.self, from: Data($0)) }
            }
        } catch {
            throw ToolTaskError(.badLine, "\(name) is no DebugBench file: \(ToolTaskError.sentence(error))")
        }
        let kind = name.hasPrefix("python3_") ? String(name.dropFirst("python3_".count).dropLast(".json".count)) : nil
        return records.enumerated().compactMap { number, record in
            task(record, number: number, kind: kind ?? record.subtype ?? "unknown")
        }
    }

    private static func task(_ record: Record, number: Int, kind: String) -> RepairTask? {
        guard ["python3", "python", nil].contains(record.language?.lowercased()),
            let reference = record.oracleCode ?? record.solution
        else { return nil }
        let tests = record.examples.compactMap { test($0, solution: reference) }
        if tests.isEmpty { return nil }
        let constraints = record.constraints.map { "\nConstraints: \($0)" } ?? ""
        return RepairTask(
            id: "debugbench/\(kind)/\(number)/\(record.slug)",
            prompt: (record.question ?? record.description ?? "") + constraints,
            program: record.buggyCode.trimmingCharacters(in: .newlines) + "\n", tests: .statements(tests),
            prelude: prelude, reference: reference.trimmingCharacters(in: .newlines) + "\n",
            meta: .object(["bug_type": .string(kind), "level": record.level.map { .string($0) } ?? .null]))
    }

    /// `Input: n = 12, k = 3`, `Output: 3` as an assertion about the solution's method that takes these; nil when there
    /// is none, or a value is no plain one.
    static func test(_ example: String, solution: String) -> String? {
        guard let input = example.firstRange(of: "Input:"), let output = example.firstRange(of: "Output:"),
            input.upperBound <= output.lowerBound
        else { return nil }
        let expected = example[output.upperBound...].split(separator: "\n").first.map(String.init) ?? ""
        var names: [String] = []
        var values: [String] = []
        for part in PythonLiteral.split(String(example[input.upperBound..<output.lowerBound])) {
            guard let equals = part.firstIndex(of: "=") else { return nil }
            names.append(part[..<equals].trimmingCharacters(in: .whitespaces))
            values.append(part[part.index(after: equals)...].trimmingCharacters(in: .whitespaces))
        }
        guard !values.isEmpty, (values + [expected]).allSatisfy(isPlain), let method = method(solution, taking: names)
        else { return nil }
        let arguments = values.map { PythonLiteral(json: $0).text }.joined(separator: ", ")
        return
            "assert Solution().\(method)(\(arguments)) == \(PythonLiteral(json: expected).text.trimmingCharacters(in: .whitespaces))"
    }

    private static func isPlain(_ text: String) -> Bool {
        (try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))) != nil
    }

    /// The method of `class Solution` whose parameters have these names, else the only one that takes as many.
    private static func method(_ solution: String, taking names: [String]) -> String? {
        // LeetCode builds trees and lists from the examples' arrays.
        if ["TreeNode", "ListNode"].contains(where: { solution.contains($0) }) { return nil }
        var candidates: [(name: String, parameters: [String])] = []
        for line in solution.split(separator: "\n") {
            let text = line.trimmingCharacters(in: .whitespaces)
            guard text.hasPrefix("def "), line.first == " " || line.first == "\t", let open = text.firstIndex(of: "("),
                let close = text.lastIndex(of: ")"), open < close
            else { continue }
            let unsupported = ["Node", "-> None"]
            if unsupported.contains(where: { text.contains($0) }) { continue }
            let name = text[text.index(text.startIndex, offsetBy: 4)..<open].trimmingCharacters(in: .whitespaces)
            let parameters = PythonLiteral.split(String(text[text.index(after: open)..<close])).map { parameter in
                String(parameter.prefix { $0 != ":" && $0 != "=" }).trimmingCharacters(in: .whitespaces)
            }
            guard parameters.first == "self", !name.hasPrefix("_") else { continue }
            candidates.append((name, Array(parameters.dropFirst())))
        }
        if let exact = candidates.first(where: { $0.parameters == names }) { return exact.name }
        let fitting = candidates.filter { $0.parameters.count == names.count }
        return fitting.count == 1 ? fitting[0].name : nil
    }
}
