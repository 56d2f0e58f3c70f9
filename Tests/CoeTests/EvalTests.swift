import Foundation
import PythonRepair
import PythonSandbox
import StatefulTools
import Testing

/// `coe eval`, `coe report` and `coe trace`, run as a user runs them. No model is needed.
extension CoeTests {
    func writeTasks(_ count: Int = 6) throws {
        let tasks = (0..<count).map { number in
            RepairTask(
                id: "task/\(number)", prompt: "Adds \(number).",
                program: "def add\(number)(x):\n    return x - \(number + 1)\n",
                tests: .statements(["assert add\(number)(1) == \(number + 2)"]),
                reference: "def add\(number)(x):\n    return x + \(number + 1)\n")
        }
        let encoder = JSONEncoder()
        try write("tasks.jsonl", tasks.map { String(decoding: try encoder.encode($0), as: UTF8.self) + "\n" }.joined())
    }

    private func json(_ outcome: Outcome) throws -> [String: JSONValue] {
        try JSONDecoder().decode([String: JSONValue].self, from: Data(outcome.output.utf8))
    }

    @Test func `the oracle, its shards, their merge and verification agree`() throws {
        try writeTasks()
        let whole = try coe("eval", "--set", "tasks.jsonl", "--method", "oracle", "--out", "whole", "--json")
        #expect(whole.code == 0, "\(whole.errors)")
        #expect(try json(whole)["pass@1"] == .number(1))
        for index in 1...2 {
            let part = try coe(
                "eval", "--set", "tasks.jsonl", "--method", "oracle", "--subset", "4", "--shard", "\(index)/2", "--out",
                "part\(index)")
            #expect(part.code == 0, "\(part.errors)")
        }
        #expect(try coe("eval", "merge", "part1", "--out", "half").errors.contains("missing: 2"))
        let merged = try coe("eval", "merge", "part1", "part2", "--out", "merged", "--json")
        #expect(merged.code == 0, "\(merged.errors)")
        #expect(try json(merged)["episodes"] == .number(4))
        let verified = try coe("eval", "verify", "merged")
        #expect(verified.code == 0)
        #expect(verified.errors.contains("4 episodes with 8 turns judged again, 0 differences"))

        let traces = try read("merged/traces.jsonl")
        try write(
            "merged/traces.jsonl",
            traces.replacing("### REPL 2 >>>    return x +", with: "### REPL 2 >>>    return x *"))
        let forged = try coe("eval", "verify", "merged", "--json")
        #expect(forged.code == 1)
        #expect(forged.errors.contains("another state than recorded"))
    }

    @Test func `search plays under a budget, and its way is verified, shown and reported`() throws {
        try writeTasks()
        try write("script", "### REPW 2 >>>- 3 >>>+ 3\n")
        let searched = try coe(
            "eval", "--set", "tasks.jsonl", "--method", "search", "--budget", "20", "--policy", "script:script",
            "--out",
            "run", "--json")
        #expect(searched.code == 0, "\(searched.errors)")
        #expect(try json(searched)["pass@1"] == .number(1.0 / 6))
        for line in try read("run/traces.jsonl").split(separator: "\n") {
            let trace = try Trace.read(Data(line.utf8))
            let figures = try #require(trace.search)
            #expect(trace.method == "search" && figures.commands <= 20 && figures.states >= 1)
        }
        #expect(try coe("eval", "verify", "run").code == 0)
        #expect(try coe("report", "run", "-o", "page.html").code == 0)
        #expect(try coe("trace", "run").output.contains("1 solved"))
        for budget in ["0", "x"] {
            let refused = try coe(
                "eval", "--set", "tasks.jsonl", "--method", "search", "--budget", budget, "--out", "no")
            #expect(refused.code == 64, "\(refused.errors)")
        }
    }

    @Test func `a run is reported in one file and its episodes are found in the terminal`() throws {
        try writeTasks()
        try write("script", "### REPW 2 >>>- 3 >>>+ 3\n")
        _ = try coe("eval", "--set", "tasks.jsonl", "--policy", "script:script", "--out", "run")
        _ = try coe("eval", "--set", "tasks.jsonl", "--method", "oracle", "--out", "best")
        let report = try coe("report", "run", "best", "-o", "page.html", "--json")
        #expect(report.code == 0, "\(report.errors)")
        #expect(try json(report)["episodes"] == .number(12))
        #expect(try read("page.html").contains("<h2 id=\"h-comparison\">"))

        let list = try coe("trace", "run")
        #expect(list.code == 0)
        #expect(list.output.contains("6 of 6 episodes, 1 solved"))
        let one = try coe("trace", "run", "--solved")
        #expect(one.output.contains("task/2 #0"))
        #expect(one.output.contains("    +    return x + 3"))
        #expect(try coe("trace", "run", "--search", "adds 4", "--no-solved").output.contains("task/4"))
        #expect(try coe("trace", "run", "--exit", "nowhere").code == 64)
        #expect(try coe("trace", "run", "9").errors.contains("1 to 6"))
        #expect(try json(coe("trace", "run", "3", "--json"))["episodes"] != nil)
        #expect(try coe("trace", "page.html").code == 2)
    }

    @Test func `wrong uses of eval are refused with a sentence`() throws {
        try writeTasks()
        for (arguments, part) in [
            (["--method", "resample"], "--budget"), (["--method", "resample", "--budget", "x"], "--temperature"),
            (["--shard", "3/2"], "shard"), (["--subset", "0"], "--subset"), (["--form", "fix"], "--form"),
        ] {
            let outcome = try run(["eval", "--set", "tasks.jsonl", "--out", "o"] + arguments)
            #expect(outcome.code == 64, "\(arguments)")
            #expect(outcome.errors.contains(part), "\(outcome.errors)")
        }
    }
}
