import Foundation
import Testing

/// `coe data`, from the making of demonstrations to their export, on the bundled tasks.
extension CoeTests {
    @Test func `demonstrations are made, gone on with, counted and exported`() throws {
        func synthesize(_ count: String) throws -> Outcome {
            try coe(
                "data", "synthesize", "--count", count, "--seed", "3", "--recovery", "0.5", "--out", "demos.jsonl",
                "--json")
        }
        let first = try synthesize("4")
        #expect(first.code == 0, "\(first.errors)")
        #expect(first.output.contains("\"made\":4"))
        let begun = try read("demos.jsonl")
        let second = try synthesize("6")
        #expect(second.output.contains("\"made\":2"), "\(second.errors)")
        #expect(try read("demos.jsonl").hasPrefix(begun))

        let stats = try coe("data", "stats", "demos.jsonl", "--html", "page.html", "--json")
        #expect(stats.code == 0 && stats.output.contains("\"items\":6"), "\(stats.errors)")
        #expect(try read("page.html").contains("<svg"))

        for format in ["trl", "verl", "openenv", "openenv"] {
            let export = try coe("data", "export", "demos.jsonl", "--to", format, "--out", "\(format).jsonl")
            #expect(export.code == 0, "\(export.errors)")
        }
        #expect(try read("trl.jsonl").contains("\"completion\":[{\"content\":\"### EXIT\""))
        #expect(try read("verl.jsonl").split(separator: "\n").count == 6)
        #expect(try read("openenv.jsonl").split(separator: "\n").count == 6)
    }

    @Test func `lost episodes become demonstrations of the way out, once`() throws {
        try write(
            "set.jsonl",
            """
            {"id": "one", "prompt": "p", "program": "y = 1\\nx = 2", "reference": "y = 1\\nx = 1", \
            "tests": ["assert x == 1"]}

            """)
        try write("script", "### REPL 2 >>>x = 3\n### ADDL 1 >>>x = 4\n")
        let played = try coe("eval", "--set", "set.jsonl", "--policy", "script:script", "--turns", "2", "--out", "run")
        #expect(played.code == 0, "\(played.errors)")
        func correct(_ options: String...) throws -> Outcome {
            try run(["data", "correct", "run", "--out", "corrections.jsonl", "--each", "3", "--json"] + options)
        }
        // An untrained model's prompt, with worked examples, is none of the forms of demonstrations.
        let formless = try correct()
        #expect(formless.code == 2 && formless.errors.contains("--prompt"), "\(formless.errors)")
        let made = try correct("--prompt", "brief")
        #expect(made.code == 0 && !made.output.contains("\"made\":0"), "\(made.errors)")
        let lines = try read("corrections.jsonl")
        #expect(lines.contains("\"content\":\"### REPL 2 >>>x = 3\",\"learn\":false"))
        let again = try correct("--prompt", "brief")
        #expect(again.code == 0 && again.output.contains("\"made\":0"), "\(again.errors)")
        #expect(try read("corrections.jsonl") == lines)

        let direct = try coe(
            "eval", "--set", "set.jsonl", "--method", "direct", "--policy", "script:script", "--out", "direct")
        #expect(direct.code == 0, "\(direct.errors)")
        let refused = try coe("data", "correct", "direct", "--out", "x.jsonl")
        #expect(refused.code == 2 && refused.errors.contains("direct"), "\(refused.errors)")
    }

    @Test func `a failing program's reference is the nearest passing one of the same tests`() throws {
        let tests = "\"prompt\": \"p\", \"tests\": [\"assert x == 1\"]"
        try write(
            "failing.jsonl",
            """
            {"id": "near", "program": "x = 1 +1", "reference": "y = 0\\nx = y + 1", \(tests)}
            {"id": "other", "program": "x = 2", "prompt": "p", "tests": ["assert x == 3"]}

            """)
        try write(
            "passing.jsonl",
            """
            {"id": "a", "reference": "z = 3\\nx = z - 2", \(tests)}
            {"id": "b", "reference": "x = 1 +0", \(tests)}

            """)
        func synthesize(_ options: String...) throws -> Outcome {
            try run(
                ["data", "synthesize", "--from", "failing.jsonl", "--count", "1", "--out", "demos.jsonl"] + options)
        }
        let made = try synthesize("--pairs", "--nearest", "passing.jsonl", "--within", "3")
        #expect(made.code == 0 && made.errors.contains("1 of 2 programs"), "\(made.errors)")
        #expect(try read("demos.jsonl").contains("\"reference\":\"x = 1 +0\""))
        let far = try synthesize("--pairs", "--nearest", "passing.jsonl", "--within", "1", "--seed", "2")
        #expect(far.code == 2, "\(far.errors)")
        #expect(try synthesize("--nearest", "passing.jsonl").code == 64)
    }

    @Test func `check names the solution that fails and the start state that passes`() throws {
        let tests = "\"prompt\": \"p\", \"tests\": [\"assert x == 1\"]"
        try write(
            "set.jsonl",
            """
            {"id": "good", "program": "x = 2", "reference": "x = 1", \(tests)}
            {"id": "wrong", "program": "x = 2", "reference": "x = 3", \(tests)}
            {"id": "passing", "program": "x = 1", "reference": "x = 1 + 0", \(tests)}

            """)
        let outcome = try coe("data", "check", "set.jsonl", "--json")
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("wrong: the known solution fails: AssertionError"))
        #expect(outcome.errors.contains("passing: the start state passes"))
        #expect(!outcome.errors.contains("good:"))
        #expect(try coe("data", "check", "starter").code == 0)
        try write("empty.jsonl", "\n")
        let empty = try coe("data", "check", "empty.jsonl")
        #expect(empty.code == 2 && empty.errors.contains("empty.jsonl holds no tasks"))
    }

    @Test func `a data set that is not known, and one that is not here, are named`() throws {
        let unknown = try coe("data", "fetch", "nope")
        #expect(unknown.code == 64 && unknown.errors.contains("mbpp"))
        let missing = try coe(
            "data", "synthesize", "--from", "mbpp", "--out", "x.jsonl", environment: ["COE_HOME": folder.path()])
        #expect(missing.code == 2 && missing.errors.contains("coe data fetch mbpp"))
    }
}

/// `scripts/harvest-tasks.py`, from Python sources with tests to demonstrations.
extension CoeTests {
    @Test func `functions with tests become tasks that demonstrations are made of`() throws {
        let library = folder.appending(path: "library")
        try FileManager.default.createDirectory(at: library, withIntermediateDirectories: true)
        try write(
            "library/sums.py",
            """
            import math
            import random

            LIMIT = 3

            def _capped(x):
                # A comment.
                return min(x, LIMIT)

            def total(xs):
                \"\"\"Adds what is capped.

                >>> total([1, 9])
                4
                >>> total([])
                0
                >>> total(unknown)
                0
                \"\"\"
                result = 0
                for x in xs:
                    result += _capped(x)
                return result

            def roots(n):
                return math.isqrt(n)

            def thrown():
                \"\"\"Differs from run to run.

                >>> thrown() in range(7)
                True
                \"\"\"
                return random.randint(0, 6)

            """)
        try write(
            "library/test_sums.py",
            """
            import unittest
            from sums import roots, total

            def test_roots():
                n = 17
                assert roots(n) == 4

            class SumTests(unittest.TestCase):
                def test_total(self):
                    self.assertEqual(total([2, 2]), 4)
                    for x in (1, 2):
                        self.assertEqual(total([x]), x)

            """)
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../scripts/harvest-tasks.py"
        ).standardized
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", script.path(), "library", "--out", "tasks.jsonl"]
        process.currentDirectoryURL = folder
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let tasks = try read("tasks.jsonl").split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(tasks.map { $0["prompt"] as? String } == ["Adds what is capped.", "Write a function roots."])
        #expect(
            tasks.map { $0["tests"] as? [String] } == [
                ["assert total([1, 9]) == 4", "assert total([]) == 0", "assert total([2, 2]) == 4"],
                ["assert roots(17) == 4"],
            ])
        #expect(
            tasks.first?["program"] as? String == """
                LIMIT = 3
                def _capped(x):
                    return min(x, LIMIT)
                def total(xs):
                    result = 0
                    for x in xs:
                        result += _capped(x)
                    return result
                """)
        let made = try coe(
            "data", "synthesize", "--from", "tasks.jsonl", "--count", "4", "--out", "demos.jsonl", "--json")
        #expect(made.code == 0 && made.output.contains("\"made\":4"), "\(made.errors)")
    }
}
