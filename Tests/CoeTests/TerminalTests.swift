import Foundation
import StatefulTools
import TestSupport
import Testing

/// Commands on a real terminal, where Ctrl-C goes to every process of the foreground group.
extension CoeTests {
    private struct Seen: Decodable {
        var code: Int?
        /// From the keys to the end.
        var seconds: Double?
        var text: String
    }

    /// Runs `coe` on a terminal; sends the keys once the text has matched.
    private func onTerminal(
        _ arguments: [String], wait: String = "", keys: String = "", columns: Int = 80,
        environment: [String: String] = [:]
    ) throws -> Seen {
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Clients/terminal.py")
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            ["python3", script.path(), "--columns", "\(columns)", "--wait", wait, "--keys", keys, executable.path()]
            + arguments
        process.currentDirectoryURL = folder
        // Whatever terminal the tests themselves run on.
        let own = ProcessInfo.processInfo.environment.filter { !["NO_COLOR", "PAGER", "LESS"].contains($0.key) }
        process.environment = own.merging(["TERM": "xterm"]) { $1 }.merging(environment) { $1 }
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return try JSONDecoder().decode(Seen.self, from: data)
    }

    private func shell(_ line: String) throws -> Outcome { try run(["-c", line], of: URL(filePath: "/bin/bash")) }

    /// A set whose programs take a moment to fail, and a script of commands that change nothing of that.
    private func writeSlowTasks() throws {
        let task = RepairTaskLine(
            id: "slow", prompt: "", program: "import time\n\ndef add(a, b):\n    time.sleep(0.1)\n    return a - b\n",
            tests: ["assert add(1, 2) == 3"])
        var lines = ""
        for number in 0..<50 {
            var copy = task
            copy.id = "slow/\(number)"
            copy.program += "# \(number)\n"
            lines += String(decoding: try JSONEncoder().encode(copy), as: UTF8.self) + "\n"
        }
        try write("slow.jsonl", lines)
        try write("script", (1...9).map { "### REPL 1 >>>import time, os  # \($0)\n" }.joined())
    }

    private struct RepairTaskLine: Codable {
        var id: String
        var prompt: String
        var program: String
        var tests: [String]
    }

    @Test func `trace becomes the pager, which has the terminal`() throws {
        try writeTasks()
        _ = try coe("eval", "--set", "tasks.jsonl", "--method", "oracle", "--out", "run")
        let paged = try onTerminal(["trace", "run", "--full"], wait: ":", keys: "q", environment: ["PAGER": "less"])
        #expect(paged.code == 0, "\(paged.text)")
        let whole = try onTerminal(["trace", "run"], environment: ["PAGER": "cat"])
        #expect(whole.code == 0 && whole.text.contains("6 of 6 episodes, 6 solved"), "\(whole.text)")
        #expect(whole.text.contains("\u{1B}["))
        for environment in [["TERM": "dumb"], ["NO_COLOR": "1", "PAGER": "cat"]] {
            let plain = try onTerminal(["trace", "run"], environment: environment)
            #expect(plain.code == 0 && !plain.text.contains("\u{1B}["), "\(plain.text)")
        }
    }

    @Test func `a reader that leaves early ends trace without a word`() throws {
        try writeTasks()
        _ = try coe("eval", "--set", "tasks.jsonl", "--method", "oracle", "--samples", "40", "--out", "run")
        let seen = try shell("'\(executable.path())' trace run --full | head -n 1")
        #expect(seen.errors.isEmpty)
        #expect(seen.code == 0)
    }

    @Test(arguments: [
        ("data synthesize --count 200 --out big.jsonl", "big.jsonl"),
        ("data export demos.jsonl --to trl --out big", "big"),
        ("eval --set tasks.jsonl --method oracle --samples 40 --out run", "traces.jsonl"),
    ])
    func `a disk that takes no more is a sentence`(_ command: String, _ file: String) throws {
        try writeTasks()
        _ = try coe("data", "synthesize", "--count", "60", "--out", "demos.jsonl")
        // A file of at most 16 kB stands for the disk.
        let seen = try shell("trap '' XFSZ; ulimit -f 16; '\(executable.path())' \(command)")
        #expect(seen.code == 2, "\(seen.errors)")
        #expect(seen.errors.contains("\(file) can't be written: File too large."), "\(seen.errors)")
    }

    @Test func `Ctrl-C ends an evaluation with 130, and no episode is called broken`() throws {
        try writeSlowTasks()
        let seen = try onTerminal(
            ["eval", "--set", "slow.jsonl", "--policy", "script:script", "--out", "run"], wait: "1/50", keys: "\\x03")
        #expect(seen.code == 130, "\(seen.text)")
        #expect(!seen.text.contains("broke"), "\(seen.text)")
        #expect(try !read("run/traces.jsonl").contains("\"exit\":\"broken\""))
    }

    @Test func `Ctrl-C ends data synthesize with 130, and what was made stays`() throws {
        let seen = try onTerminal(
            ["data", "synthesize", "--count", "100000", "--out", "demos.jsonl"], wait: "[1-9][0-9]*/100000",
            keys: "\\x03")
        #expect(seen.code == 130, "\(seen.text)")
        #expect(!seen.text.contains("broke"), "\(seen.text)")
        #expect(try read("demos.jsonl").hasSuffix("}\n"))
    }

    @Test func `Ctrl-C ends a repair with 130`() throws {
        try write("add.py", "import time\n\ndef add(a, b):\n    time.sleep(0.5)\n    return a - b\n")
        try write("test_add.py", Self.tests)
        try write("script", (1...9).map { "### REPL 1 >>>import time, os  # \($0)\n" }.joined())
        let seen = try onTerminal(
            ["repair", "add.py", "--tests", "test_add.py", "--policy", "script:script"],
            wait: #"\[90m\d+ s  8 attempts, \d+ edits"#, keys: "\\x03")
        #expect(seen.code == 130, "\(seen.text)")
        #expect(!seen.text.contains("broke"), "\(seen.text)")
    }

    @Test func `Ctrl-C ends a training with 130 after a checkpoint`() throws {
        let model = try byteModelFolder().path(percentEncoded: false)
        #expect(try coe("data", "synthesize", "--count", "16", "--max-faults", "1", "--out", "demos.jsonl").code == 0)
        let seen = try onTerminal(
            [
                "sft", "--data", "demos.jsonl", "--model", model, "--out", "run", "--batch", "2", "--max-length",
                "4000",
                "--precision", "float32", "--epochs", "50",
            ], wait: "step 1/", keys: "\\x03")
        #expect(seen.code == 130 && seen.text.contains("--resume"), "\(seen.text)")
        // One screen: it is drawn over itself, with a curve of the loss.
        #expect(seen.text.contains(/\x{1B}\[\d+A\r\x{1B}\[J/), "\(seen.text)")
        #expect(seen.text.contains(/loss +\d+\.\d+ +[▁-█]/), "\(seen.text)")
    }

    @Test func `an evaluation is one screen on a terminal and a line an episode elsewhere`() throws {
        try writeTasks()
        let evaluate = ["eval", "--set", "tasks.jsonl", "--method", "oracle", "--out"]
        for columns in [40, 80, 200] {
            let seen = try onTerminal(evaluate + ["run-\(columns)"], columns: columns)
            #expect(seen.code == 0 && seen.text.contains("pass@1 100.0 %"), "\(seen.text)")
            #expect(seen.text.contains(/episode 6\/6 +█*/) && seen.text.contains(/solved +100\.0 %/), "\(seen.text)")
            let screen = seen.text.replacing(/\x{1B}\[[0-9]*[mAJK]/, with: "").split {
                "\r\n".contains($0) || $0 == "\r\n"
            }
            #expect(screen.filter { $0.hasPrefix("episode ") }.allSatisfy { $0.count < columns }, "\(screen)")
        }
        for environment in ["TERM=dumb", "TERM=xterm"] {
            let plain = try shell(
                "\(environment) '\(executable.path())' \(evaluate.joined(separator: " ")) \(environment)")
            #expect(plain.errors.contains("6/6 ") && !plain.errors.contains("\u{1B}"), "\(plain.errors)")
        }
        let quiet = try onTerminal(["--quiet"] + evaluate + ["quiet"])
        #expect(!quiet.text.contains("episode 6/6"), "\(quiet.text)")
    }

    @Test func `Ctrl-C ends the servers with 130`() throws {
        for arguments in [
            ["serve", "env", "--port", "0"], ["serve", "web", "--port", "0", "--policy", "script:script"],
        ] {
            try write("script", "### EXIT\n")
            let seen = try onTerminal(arguments, wait: "http://", keys: "\\x03")
            #expect(seen.code == 130, "\(arguments): \(seen.text)")
        }
    }

    @Test func `no line is longer than a terminal of 80 columns`() throws {
        try writeTasks()
        _ = try coe("eval", "--set", "tasks.jsonl", "--method", "oracle", "--out", "run")
        for arguments in [
            ["check", "--help"], ["trace", "--help"], ["serve", "model", "--help"], ["data", "correct", "--help"],
            ["trace"], ["trace", "run"], ["eval", "--set", "tasks.jsonl", "--method", "oracle", "--out", "run"],
            ["doctor"], ["models", "list"], ["data", "stats", "tasks.jsonl"],
        ] {
            let seen = try onTerminal(arguments, environment: ["PAGER": "cat", "NO_COLOR": "1"])
            let lines = seen.text.replacing("\u{1B}[K", with: "").split { $0 == "\r" || $0 == "\n" || $0 == "\r\n" }
            #expect(!lines.isEmpty && lines.allSatisfy { $0.count <= 80 }, "\(arguments): \(seen.text)")
        }
    }

    @Test func `progress fits the terminal's width`() throws {
        for columns in [40, 80, 200] {
            let seen = try onTerminal(
                ["data", "check", "starter"], wait: "[0-9]+/164", keys: "\\x03", columns: columns)
            let lines = seen.text.replacing("^C", with: "").split(omittingEmptySubsequences: true) {
                $0 == "\r" || $0 == "\n" || $0 == "\r\n"
            }
            let longest = lines.filter { $0.contains("█") || $0.contains("░") }.map { $0.count - 3 }.max() ?? 0
            #expect(longest > 0 && longest < columns, "\(columns): \(longest) \(seen.text)")
        }
    }
}
