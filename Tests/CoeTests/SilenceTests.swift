import Foundation
import TestSupport
import Testing

/// What once went wrong without a word, run as a user runs it.
extension CoeTests {
    private func writeTask() throws {
        try write(
            "tasks.jsonl",
            #"{"id":"a","prompt":"","program":"def f(x):\n    return x - 1\n","tests":["assert f(1) == 2"]}"# + "\n")
        try write("script", "### REPW 2 >>>- >>>+\n")
    }

    @Test func `eval goes on with the same files alone`() throws {
        try writeTask()
        let arguments = ["eval", "--set", "tasks.jsonl", "--policy", "script:script", "--out", "run"]
        #expect(try run(arguments).code == 0)
        #expect(try run(arguments).code == 0)
        try write("script", "### DELL 1\n")
        let changed = try run(arguments)
        #expect(changed.code == 2 && changed.errors.contains("input script has changed"), "\(changed.errors)")
        try write("script", "### REPW 2 >>>- >>>+\n")
        #expect(try run(arguments).code == 0)
    }

    @Test func `two coes do not work in one run folder`() throws {
        try writeTask()
        let holder = Process()
        let output = Pipe()
        try FileManager.default.createDirectory(
            at: folder.appending(path: "run"), withIntermediateDirectories: true)
        holder.executableURL = URL(filePath: "/usr/bin/env")
        holder.arguments = ["flock", "--no-fork", "run/.lock", "sh", "-c", "echo locked; exec sleep 60"]
        holder.currentDirectoryURL = folder
        holder.standardOutput = output
        guard (try? holder.run()) != nil, try output.fileHandleForReading.read(upToCount: 7) == Data("locked\n".utf8)
        else {
            print("Skipped: the program flock is missing.")
            return
        }
        defer {
            holder.terminate()
            holder.waitUntilExit()
        }
        let outcome = try coe("eval", "--set", "tasks.jsonl", "--method", "oracle", "--out", "run")
        #expect(outcome.code == 2 && outcome.errors.contains("is in use by another coe"), "\(outcome.errors)")
    }

    @Test func `an adapter is not played on a model that it does not name`() throws {
        try writeTask()
        try FileManager.default.copyItem(
            at: URL(filePath: fixture("interop/dora")), to: folder.appending(path: "adapter"))
        let outcome = try coe("eval", "--set", "tasks.jsonl", "--adapter", "adapter", "--out", "run")
        #expect(outcome.code == 2, "\(outcome.errors)")
        #expect(outcome.errors.contains("was trained on tiny-llama3, which is not here"), "\(outcome.errors)")
    }

    @Test func `an absurd number in a run folder is named`() throws {
        try writeTask()
        #expect(
            try coe("eval", "--set", "tasks.jsonl", "--policy", "script:script", "--out", "run").code == 0)
        let settings = try read("run/run.json")
        let turns = try #require(settings.firstMatch(of: /"turns" : \d+/)).output
        try write("run/run.json", settings.replacing(turns, with: "\"turns\" : 2147483647"))
        for arguments in [["report", "run", "-o", "page.html"], ["trace", "run"]] {
            let outcome = try run(arguments)
            #expect(outcome.code == 2 && outcome.errors.contains("options.turns as 2147483647"), "\(outcome.errors)")
        }
    }

    /// The message of an exception, a task's name and a file's name are other people's words.
    @Test func `no control sequence reaches the terminal`() throws {
        let escape = #"\u001b]0;owned\u0007\u202e"#
        try write(
            "tasks.jsonl",
            #"{"id":"a\#(escape)","prompt":"p\#(escape)","program":"def f(x):\n    return x\n","#
                + #""tests":["assert f(1) == 2, '\#(escape)'"]}"# + "\n")
        try write("script", "### REPL 1 >>>\u{1B}[2J\u{9B}5m\n### EXIT\n")
        try write("p.py", "def f():\n    raise ValueError('\\x1b]0;owned\\x07\\u202e\\x9b5m')\n")
        try write("t.py", "from p import f\n\ndef test_f():\n    f()\n")
        for arguments in [
            ["check", "p.py", "--tests", "t.py"], ["check", "p.py", "--tests", "t.py", "--json"],
            ["repair", "p.py", "--tests", "t.py", "--policy", "script:script"],
            ["eval", "--set", "tasks.jsonl", "--policy", "script:script", "--out", "run", "--json"],
            ["trace", "run", "1"], ["trace", "run"], ["data", "stats", "tasks.jsonl"], ["check", "no\u{1B}[31mfile"],
        ] {
            let outcome = try run(arguments)
            let text = outcome.output + outcome.errors
            #expect(!text.isEmpty, "\(arguments)")
            let hidden = text.unicodeScalars.filter { [0x1B, 0x07, 0x9B, 0x202E].contains($0.value) }
            #expect(hidden.isEmpty, "\(arguments): \(text.debugDescription)")
        }
    }

    @Test func `files may begin with a byte order mark`() throws {
        try write("p.py", "\u{FEFF}def f(x):\n    return x\n")
        try write("test_p.py", "\u{FEFF}from p import f\n\ndef test_f():\n    assert f(1) == 1\n")
        let outcome = try coe("check", "p.py", "--tests", "test_p.py")
        #expect(outcome.code == 0, "\(outcome.errors)")
        try writeTask()
        try write("tasks.jsonl", "\u{FEFF}" + read("tasks.jsonl"))
        #expect(try coe("eval", "--set", "tasks.jsonl", "--policy", "script:script", "--out", "marked").code == 0)
    }
}
