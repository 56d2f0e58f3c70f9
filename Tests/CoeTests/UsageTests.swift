import Foundation
import StatefulTools
import TestSupport
import Testing

/// Words that are nearly right, sets that measure nothing, addresses where nobody answers, models by the hub's names.
extension CoeTests {
    @Test func `a misspelt subcommand is corrected`() throws {
        for (arguments, word) in [
            (["repiar", "x.py"], "\"repair\""), (["data", "synthesise"], "\"synthesize\""),
            (["eval", "mrge", "a"], "\"merge\""), (["models", "lst"], "\"list\""), (["serve", "evn"], "\"env\""),
        ] {
            let outcome = try run(arguments)
            #expect(outcome.code == 64 && outcome.errors.contains("Did you mean \(word)?"), "\(outcome.errors)")
        }
        let strange = try coe("data", "quux")
        #expect(strange.code == 64 && strange.errors.contains("It has: fetch, synthesize"), "\(strange.errors)")
    }

    @Test func `--quiet leaves results and errors`() throws {
        try write("a.py", "def add(a, b):\n    return a - b\n")
        try write("test_a.py", "from a import add\n\ndef test_add():\n    assert add(1, 2) == 3\n")
        try write("script", "### REPW 2 >>>- >>>+\n")
        let repaired = try coe("repair", "a.py", "--tests", "test_a.py", "--policy", "script:script", "--quiet")
        #expect(repaired.code == 0 && repaired.errors.isEmpty, "\(repaired.errors)")
        #expect(repaired.output.contains("+    return a + b"), "\(repaired.output)")
        let missing = try coe("--quiet", "check", "none.py", "--tests", "test_a.py")
        #expect(missing.code == 2 && missing.errors.contains("There is no file none.py"), "\(missing.errors)")
    }

    @Test func `the folder of models is below HOME`() throws {
        let home = folder.appending(path: "other").path(percentEncoded: false)
        let outcome = try coe("models", "list", "--json", environment: ["HOME": home, "COE_HOME": ""])
        #expect(outcome.output.contains("\(home)/.cache/coe/models/"), "\(outcome.output) \(outcome.errors)")
    }

    @Test func `--version names the commit`() throws {
        let outcome = try coe("--version")
        #expect(
            outcome.output.wholeMatch(of: /\d+\.\d+\.\d+ \(([0-9a-f]{7,}\+?|unknown)\)\n/) != nil, "\(outcome.output)")
        #expect(outcome.output == Build.description + "\n")
    }

    @Test func `completions know files, folders and models, also below a default subcommand`() throws {
        let script = try coe("--generate-completion-script", "bash").output
        #expect(script.contains("qwen2.5-coder-0.5b") && script.contains("compgen"), "\(script.count)")
        let zsh = try coe("--generate-completion-script", "zsh").output
        #expect(zsh.contains("_files -/") && zsh.contains("_files"))
    }

    @Test func `eval puts faults into start states that pass, so a player who says EXIT solves none`() throws {
        let lines = (0..<4).map { number in
            """
            {"id": "t\(number)", "prompt": "", "reference": "def add(a, b):\\n    total = a + b + \(number)\\n    return total\\n", \
            "tests": ["assert add(1, 2) == \(3 + number)", "assert add(0, 0) == \(number)"]}

            """
        }
        try write("correct.jsonl", lines.joined())
        try write("script", "### EXIT\n")
        let outcome = try coe("eval", "--set", "correct.jsonl", "--policy", "script:script", "--out", "run", "--json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("4 start states are solutions"), "\(outcome.errors)")
        #expect(outcome.output.contains("\"pass@1\":0,"), "\(outcome.output)")
        let oracle = try coe("eval", "--set", "correct.jsonl", "--method", "oracle", "--out", "best", "--json")
        #expect(oracle.output.contains("\"pass@1\":1,"), "\(oracle.output) \(oracle.errors)")
    }

    @Test func `eval refuses a set that passes already, and leaves out the tasks that do`() throws {
        let passing = #"{"id": "p", "program": "x = 1\n", "tests": ["assert x == 1"]}"# + "\n"
        let failing = #"{"id": "f", "program": "x = 2\n", "tests": ["assert x == 1"]}"# + "\n"
        try write("script", "### EXIT\n")
        try write("passing.jsonl", passing)
        let refused = try coe("eval", "--set", "passing.jsonl", "--policy", "script:script", "--out", "run")
        #expect(refused.code == 2 && refused.errors.contains("passes already"), "\(refused.errors)")
        try write("mixed.jsonl", passing + failing)
        let mixed = try coe("eval", "--set", "mixed.jsonl", "--policy", "script:script", "--out", "run", "--json")
        #expect(mixed.code == 0 && mixed.errors.contains("1 start states pass already and are left out: p."))
        #expect(mixed.output.contains("\"tasks\":1,") && mixed.output.contains("\"pass@1\":0,"), "\(mixed.output)")
    }

    @Test func `eval and report work offline, without a set`() throws {
        try write("script", "### EXIT\n")
        let outcome = try coe(
            "eval", "--policy", "script:script", "--subset", "3", "--out", "run", environment: ["COE_HOME": "/none"])
        #expect(outcome.code == 0 && outcome.output.contains("0 of 3 episodes solved"), "\(outcome.errors)")
        #expect(try coe("report", "run").code == 0)
    }

    @Test func `an address where nobody answers is named within two seconds`() throws {
        for address in ["http://127.0.0.1:9", "http://[::1]:9/v1", "http://no-such-host.invalid"] {
            let start = ContinuousClock.now
            let outcome = try coe("eval", "--policy", "openai:\(address)#m", "--subset", "1", "--out", "run")
            // The rest is the start of a debug build on busy cores.
            #expect(ContinuousClock.now - start < .seconds(4))
            #expect(outcome.code == 2 && outcome.errors.contains("Nothing answers at"), "\(outcome.errors)")
        }
    }

    @Test func `a model of the hub is fetched, found in the cache, and read by the hub's own client`() async throws {
        guard let python = clientsPython() else { return }
        let home = folder.appending(path: "hf").path(percentEncoded: false)
        let played = try await runClient(python, ["hub.py", executable.path(), fixture("models/tiny-qwen2"), home])
        #expect(played.code == 0 && played.output.contains("the hub works"), "\(played.output)")
    }
}
