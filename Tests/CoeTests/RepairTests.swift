import Foundation
import Testing

/// `coe check` and `coe repair` on a user's files, by the user's own runner.
@Suite struct RepairTests {
    private let base: CoeTests

    init() throws { base = try CoeTests() }

    private func coe(_ arguments: String...) throws -> CoeTests.Outcome { try base.run(arguments) }

    private struct Result: Decodable {
        struct Best: Decodable {
            var passing: Int
            var failing: [String]
        }
        var passed: Bool
        var repaired: Bool?
        var by: String?
        var warnings: [String]?
        var heldBack: [String]?
        var heldBackShown: Bool?
        var rejected: [String]?
        var best: Best?
        var hint: String?
        var error: String?
        var exitCode: Int?
    }

    private func result(_ outcome: CoeTests.Outcome) throws -> Result {
        try JSONDecoder().decode(Result.self, from: Data(outcome.output.utf8))
    }

    @Test func `check names the test, the line, the call, got and want`() throws {
        try base.write("m.py", "def add(a, b):\n    return a - b\n")
        try base.write("checks.py", "from m import add\nassert add(1, 2) == 3\nassert add(0, 0) == 0\n")
        let outcome = try coe("check", "m.py", "--tests", "checks.py", "--json")
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("1 of 2 tests pass"), "\(outcome.errors)")
        #expect(outcome.errors.contains("(checks.py:2)"))
        #expect(outcome.errors.contains("add(1, 2): got -1, want 3"))
        #expect(try !result(outcome).passed)
        let strict = try coe("check", "m.py", "--tests", "checks.py", "--judge", "strict", "--json")
        #expect(strict.code == 1)
        #expect(try !result(strict).passed)
    }

    @Test func `an ordinary user's file is judged whoever owns it, read-only too`() throws {
        let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/nonexistent"]
        func asUser(_ arguments: [String]) throws -> CoeTests.Outcome {
            let command = user + [base.executable.path(percentEncoded: false)] + arguments
            return try base.run(command, of: URL(filePath: "/usr/bin/env"))
        }
        guard (try? asUser(["--version"]).code) == 0, FileManager.default.isExecutableFile(atPath: "/usr/bin/python3")
        else {
            print("Skipped: another user can't run coe here.")
            return
        }
        try base.write("m.py", "def add(a, b):\n    return a + b\n")
        try base.write("right.py", "from m import add\nassert add(1, 2) == 3\n")
        try base.write("wrong.py", "from m import add\nassert add(1, 2) == 4\n")
        let files = FileManager.default
        let (folder, file) = (base.folder.path(percentEncoded: false), base.folder.appending(path: "m.py").path())
        // Root's file in root's folder; root's in an open folder; the user's own, read-only.
        for (owner, mode, folderMode) in [(0, 0o644, 0o755), (0, 0o644, 0o777), (65534, 0o444, 0o777)] {
            try files.setAttributes([.posixPermissions: mode, .ownerAccountID: owner], ofItemAtPath: file)
            try files.setAttributes([.posixPermissions: folderMode], ofItemAtPath: folder)
            let python = ["--python", "/usr/bin/python3", "--runner", "script"]
            let right = try asUser(["check", "m.py", "--tests", "right.py"] + python)
            #expect(right.code == 0, "\(owner) \(mode) \(folderMode): \(right.errors)")
            #expect(try asUser(["check", "m.py", "--tests", "wrong.py"] + python).code == 1)
        }
        #expect(try base.read("m.py") == "def add(a, b):\n    return a + b\n")
    }

    @Test func `plain asserts that import nothing see the program's names`() throws {
        try base.write("m.py", "def add(a, b):\n    return a + b\n")
        try base.write("right.py", "\u{FEFF}assert add(1, 2) == 3\nassert add(0, 0) == 0\n")
        try base.write("wrong.py", "total = add(1, 2)\nassert total == 4\n")
        try base.write("alone.py", "values = [n for n in range(3)]\nassert sum(values) == 3\n")
        #expect(try coe("check", "m.py", "--tests", "right.py").code == 0)
        #expect(try coe("check", "m.py", "--tests", "wrong.py").code == 1)
        #expect(try coe("check", "m.py", "--tests", "alone.py").code == 0)
        try base.write("m.py", "def add(a, b)\n    return a + b\n")
        let broken = try coe("check", "m.py", "--tests", "right.py")
        #expect(broken.code == 1 && broken.errors.contains("m.py:1"), "\(broken.errors)")
    }

    @Test func `a command decides, several tests are taken, usage is checked`() throws {
        try base.write("m.py", "def add(a, b):\n    return a + b\n")
        try base.write("a.py", "from m import add\nassert add(1, 2) == 3\n")
        try base.write("b.py", "from m import add\nassert add(1, 1) == 3\n")
        #expect(try coe("check", "m.py", "--test-command", "python3 a.py").code == 0)
        #expect(try coe("check", "m.py", "--test-command", "python3 b.py").code == 1)
        #expect(try coe("check", "m.py", "--tests", "a.py", "--tests", "b.py").code == 1)
        #expect(try coe("check", "m.py", "--tests", "a.py", "--test-command", "true").code == 64)
        #expect(try coe("check", "m.py", "--tests", "a.py", "--timeout", "0").code == 64)
        #expect(try coe("repair", "m.py", "--tests", "a.py", "--lines", "5-2").code == 64)
        #expect(try coe("repair", "m.py", "--tests", "b.py", "--lines", "1-9", "--policy", "script:a.py").code == 2)
    }

    @Test func `the interpreter's suggestion repairs a syntax error without a model`() throws {
        try base.write("m.py", "def add(a, b)\n    return a + b\n")
        try base.write("checks.py", "from m import add\nassert add(1, 2) == 3\n")
        let outcome = try coe("repair", "m.py", "--tests", "checks.py", "--apply", "--json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try result(outcome).by == "suggestion")
        #expect(try base.read("m.py") == "def add(a, b):\n    return a + b\n")
    }

    @Test func `edits that no test needs are taken back`() throws {
        try base.write("m.py", "def add(a, b):\n    return a - b\n\n\ndef two():\n    return 2\n")
        try base.write("checks.py", "from m import add\nassert add(1, 2) == 3\n")
        try base.write("script", "### REPL 6 >>>    return 1 + 1\n### REPW 2 >>>a - b >>>a + b\n")
        let outcome = try coe("repair", "m.py", "--tests", "checks.py", "--policy", "script:script", "--apply")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try base.read("m.py") == "def add(a, b):\n    return a + b\n\n\ndef two():\n    return 2\n")
    }

    @Test func `a program that only repeats the tests is not accepted`() throws {
        let program = "def fact(n):\n    return n\n"
        try base.write("m.py", program)
        try base.write("checks.py", "from m import fact\nassert fact(5) == 120\nassert fact(4) == 24\n")
        try base.write(
            "script",
            "### ADDL 2 >>>    if n == 5: return 120\n### ADDL 2 >>>    if n == 4: return 24\n")
        let outcome = try coe(
            "repair", "m.py", "--tests", "checks.py", "--policy", "script:script", "--samples", "1", "--apply", "--json"
        )
        #expect(outcome.code == 1, "\(outcome.errors)")
        #expect(try result(outcome).rejected?.isEmpty == false)
        #expect(try base.read("m.py") == program)
    }

    @Test func `tests that are kept back decide, and the result says when they had to be shown`() throws {
        try base.write("m.py", "def sign(n):\n    return 0\n")
        try base.write(
            "checks.py",
            "from m import sign\nassert sign(5) == 1\nassert sign(7) == 1\nassert sign(-3) == -1\nassert sign(0) == 0\n"
        )
        // The first passes only what is shown; played again with all tests it is the same script, so nothing passes.
        try base.write("script", "### REPL 2 >>>    return 1 if n else 0\n")
        let outcome = try coe(
            "repair", "m.py", "--tests", "checks.py", "--policy", "script:script", "--samples", "1", "--json")
        #expect(outcome.code == 1, "\(outcome.errors)")
        let found = try result(outcome)
        #expect(found.heldBack?.count == 1)
        #expect(found.heldBackShown == true)
        #expect(outcome.errors.contains("passes the tests it saw and fails"), "\(outcome.errors)")
        #expect(found.best?.failing.count == 1)
        #expect(outcome.errors.contains("The best attempt: 3 of 4 tests pass"))
    }

    @Test func `a file in latin-1 with CRLF is written as it was`() throws {
        let old = "# coding: latin-1\r\ndef name():\r\n    return \"Sch\u{F6}m\"\r\n"
        try #require(old.data(using: .isoLatin1)).write(to: base.folder.appending(path: "m.py"))
        try base.write("checks.py", "from m import name\nassert name() == 'Sch\\xf6n'\n")
        try base.write("script", "### REPW 3 >>>m\" >>>n\"\n")
        let outcome = try coe("repair", "m.py", "--tests", "checks.py", "--policy", "script:script", "--apply")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let new = try Data(contentsOf: base.folder.appending(path: "m.py"))
        #expect(new == old.replacing("\u{F6}m", with: "\u{F6}n").data(using: .isoLatin1))
    }

    @Test func `a read-only file is refused before any work`() throws {
        try base.write("m.py", "def add(a, b):\n    return a - b\n")
        try base.write("checks.py", "from m import add\nassert add(1, 2) == 3\n")
        try base.write("script", "### REPW 2 >>>a - b >>>a + b\n")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o444], ofItemAtPath: base.folder.appending(path: "m.py").path())
        let outcome = try coe("repair", "m.py", "--tests", "checks.py", "--policy", "script:script", "--apply")
        #expect(outcome.code == 2)
        #expect(outcome.errors.contains("read-only"))
    }
}
