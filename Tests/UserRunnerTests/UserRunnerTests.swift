import Foundation
import Testing

@testable import UserRunner

/// The judge is the user's own runner, in a jail, on the user's project.
@Suite struct UserRunnerTests {
    static let add = "def add(a, b):\n    return a + b\n"
    static let script = "from m import add\nassert add(1, 2) == 3\nassert add(2, 2) == 4\n"

    @Test func `plain asserts, unittest and doctest need nothing but Python`() async throws {
        let files = [
            "m.py": "def add(a, b):\n    \"\"\"\n    >>> add(1, 2)\n    3\n    \"\"\"\n    return a + b\n",
            "checks.py": Self.script,
            "test_case.py": """
            import unittest
            from m import add
            class T(unittest.TestCase):
                def test_add(self):
                    self.assertEqual(add(1, 2), 3)
            """,
        ]
        let folder = try Folder(files)
        defer { folder.remove() }
        for (tests, kind) in [(["checks.py"], TestKind.script), (["test_case.py"], .unittest), ([], .doctest)] {
            try await withRunner(folder.configuration(tests: tests)) { runner in
                if kind != .unittest { #expect(runner.kind == kind) }
                let good = try await runner.judge(Data(files["m.py"]!.utf8))
                #expect(good.passed, "\(good)")
                let bad = try await runner.judge(Data(files["m.py"]!.replacing("a + b", with: "a - b").utf8))
                #expect(bad.outcome == .failed)
                #expect(bad.failing.first?.got == "-1", "\(bad)")
                #expect(bad.failing.first?.want == "3")
            }
        }
    }

    @Test func `what pytest does inside one process works: environment, conftest, plugins`() async throws {
        guard let python = PytestPython.path else { return }
        let folder = try Folder([
            "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = [\"src\"]\n",
            "src/shop/__init__.py": "",
            "src/shop/m.py": "import os\ndef mode():\n    return os.environ.get('APP_MODE', 'prod')\n",
            "tests/conftest.py":
                "import pytest\n@pytest.fixture\ndef debug(monkeypatch):\n    monkeypatch.setenv('APP_MODE', 'debug')\n",
            "tests/test_m.py": """
            import pytest
            from shop.m import mode
            def test_debug(debug):
                assert mode() == "debug"
            @pytest.mark.parametrize("name", ["prod"])
            def test_prod(name):
                assert mode() == name
            """,
        ])
        defer { folder.remove() }
        let configuration = folder.configuration("src/shop/m.py", tests: ["tests"], interpreter: python)
        #expect(configuration.project.folder == folder.path)
        try await withRunner(configuration) { runner in
            let file = try Data(contentsOf: URL(filePath: configuration.file))
            let good = try await runner.judge(file)
            #expect(good.passed, "\(good)")
            let bad = try await runner.judge(Data("def mode():\n    return 'debug'\n".utf8))
            #expect(bad.failing.map(\.id) == ["tests/test_m.py::test_prod[prod]"], "\(bad)")
            #expect(bad.failing.first?.testLine == 7)
        }
    }

    @Test func `a plugin that breaks pytest itself is said in its words`() async throws {
        guard let python = PytestPython.path else { return }
        let folder = try Folder([
            "m.py": Self.add, "test_m.py": "from m import add\ndef test_a():\n    assert add(1, 2) == 3\n",
            "broken_plugin.py": "def pytest_configure(config):\n    raise RuntimeError('no licence for this plugin')\n",
            "pytest.ini": "[pytest]\naddopts = -p broken_plugin\npythonpath = .\n",
        ])
        defer { folder.remove() }
        try await withRunner(folder.configuration(tests: ["test_m.py"], interpreter: python)) { runner in
            let report = try await runner.judge(Data(Self.add.utf8))
            #expect(report.outcome == .unusable, "\(report)")
            #expect(report.sentence?.contains("no licence for this plugin") == true, "\(report)")
        }
    }

    @Test func `an interpreter's path is meant from where the user stands`() {
        let project = Project(of: "/tmp/m.py", tests: [], workingFolder: "/tmp", named: nil)
        func choice(_ name: String) -> String {
            RunnerInterpreter.choice(named: name, project: project, file: "/tmp/m.py")
        }
        let here = FileManager.default.currentDirectoryPath
        #expect(choice(".venv/bin/python") == here + "/.venv/bin/python")
        #expect(choice("/usr/bin/python3") == "/usr/bin/python3")
        #expect(choice("python3.11") == "python3.11")
    }

    @Test func `missing pytest is said`() async throws {
        let folder = try Folder([
            "m.py": Self.add,
            "test_m.py": "import pytest\nfrom m import add\ndef test_a():\n    assert add(1, 2) == 3\n",
        ])
        defer { folder.remove() }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-m", "venv", "--without-pip", folder.path + "/.venv"]
        try process.run()
        process.waitUntilExit()
        // The project's own environment is found by itself.
        await #expect(throws: RunnerError.self) {
            try await withRunner(folder.configuration(tests: ["test_m.py"], interpreter: nil)) { _ in }
        }
        do {
            try await withRunner(folder.configuration(tests: ["test_m.py"], interpreter: nil)) { _ in }
        } catch let error as RunnerError {
            #expect(error.code == .unusableTests)
            #expect(error.description.contains("need pytest, which is not installed for \(folder.path)/.venv"))
        }
    }

    @Test func `tests see no secrets, no home and no network, and leave nothing`() async throws {
        setenv("COE_TEST_API_TOKEN", "s3cret", 1)
        defer { unsetenv("COE_TEST_API_TOKEN") }
        let home = FileManager.default.homeDirectoryForCurrentUser.path(percentEncoded: false)
        let folder = try Folder(["checks.py": "import m\nassert m.f() == []\n", "m.py": ""])
        defer { folder.remove() }
        let program = """
            import os, socket, subprocess, tempfile, threading, zoneinfo
            def f():
                wrong = []
                if os.environ["COE_TEST_API_TOKEN"] == "s3cret": wrong.append("secret")
                if [n for n in os.listdir(\(String(reflecting: home))) if n.startswith(".ssh") or n == ".bashrc"]: wrong.append("home")
                try:
                    socket.create_connection(("192.0.2.1", 80), timeout=0.2)
                    wrong.append("network")
                except OSError: pass
                server = socket.create_server(("127.0.0.1", 0))
                threading.Thread(target=lambda: server.accept()[0].sendall(b"hello")).start()
                if socket.create_connection(server.getsockname()).recv(5) != b"hello": wrong.append("loopback")
                if subprocess.run(["sh", "-c", "exit 3"]).returncode != 3: wrong.append("processes")
                with open(os.devnull, "w") as null: null.write("x")
                tempfile.NamedTemporaryFile().write(b"x")
                open("left.txt", "w").write("x")
                if os.path.exists("m.py") and "def f" not in open("m.py").read(): wrong.append("candidate")
                if not os.path.isdir(os.path.expanduser("~")): wrong.append("HOME")
                return wrong
            """
        try await withRunner(folder.configuration()) { runner in
            let report = try await runner.judge(Data(program.utf8))
            #expect(report.passed, "\(report)")
            let next = try await runner.judge(
                Data("import os\ndef f(): return os.path.exists('left.txt') or []\n".utf8))
            #expect(next.passed, "\(next)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["checks.py", "m.py"])
        #expect(FileManager.default.contents(atPath: folder.path + "/m.py") == Data())
    }

    @Test func `a cancelled task ends its job, and the next job is judged`() async throws {
        let folder = try Folder(["m.py": Self.add, "checks.py": Self.script])
        defer { folder.remove() }
        try await withRunner(folder.configuration()) { runner in
            let endless = Task { try await runner.judge(Data("while True: pass\n".utf8)) }
            try await Task.sleep(for: .milliseconds(300))
            endless.cancel()
            let begin = ContinuousClock.now
            await #expect(throws: CancellationError.self) { try await endless.value }
            #expect(ContinuousClock.now - begin < .seconds(5))
            #expect(try await runner.judge(Data(Self.add.utf8)).passed)
        }
    }

    @Test func `an endless loop ends at the limit with its line`() async throws {
        let folder = try Folder(["m.py": Self.add, "checks.py": Self.script])
        defer { folder.remove() }
        try await withRunner(folder.configuration(limits: RunnerLimits(seconds: 1))) { runner in
            let report = try await runner.judge(Data("def add(a, b):\n    while True:\n        a += 1\n".utf8))
            #expect(report.timedOut == true)
            #expect(report.failing.first?.outcome == "timeout")
            #expect([2, 3].contains(report.failing.first?.programLine), "\(report)")
        }
    }

    @Test func `a command's exit code decides`() async throws {
        let folder = try Folder(["m.py": Self.add])
        defer { folder.remove() }
        let command = "python3 -c 'import m; assert m.add(1, 2) == 3'"
        try await withRunner(folder.configuration(tests: [], command: command)) { runner in
            let right = try await runner.judge(Data(Self.add.utf8))
            let wrong = try await runner.judge(Data("def add(a, b): return 0\n".utf8))
            #expect(right.passed)
            #expect(wrong.outcome == .failed)
        }
    }

    @Test func `an interpreter that does not exist is said`() async throws {
        let folder = try Folder(["m.py": Self.add, "checks.py": Self.script])
        defer { folder.remove() }
        do {
            try await withRunner(folder.configuration(interpreter: "/no/python")) { _ in }
            Issue.record("it started")
        } catch let error as RunnerError {
            #expect(error.code == .interpreter)
            #expect(error.description.contains("/no/python"))
        }
    }

    @Test func `the project is the nearest marked folder, the working folder, or what file and tests share`() throws {
        let folder = try Folder([
            "a/pyproject.toml": "", "a/src/p/m.py": "", "b/src/m.py": "", "b/tests/test_m.py": "", "b/docs/x": "",
        ])
        defer { folder.remove() }
        let root = folder.path
        #expect(Project(of: root + "/a/src/p/m.py", workingFolder: "/").folder == root + "/a")
        #expect(Project(of: root + "/a/src/p/m.py", workingFolder: root + "/a/src").workingFolder == root + "/a/src")
        #expect(Project(of: root + "/b/src/m.py", workingFolder: root + "/b").folder == root + "/b")
        #expect(Project(of: root + "/b/src/m.py", workingFolder: "/").folder == root + "/b/src")
        let shared = Project(of: root + "/b/src/m.py", tests: [root + "/b/tests/test_m.py"], workingFolder: "/tmp")
        #expect(shared.folder == root + "/b")
        #expect(shared.workingFolder == root + "/b")
        #expect(Project(of: root + "/b/src/m.py", workingFolder: "/", named: root).folder == root)
        // Above the marker, up to the repository's folder, pytest reads options and conftests.
        for (file, text) in [("pytest.ini", "[pytest]\n"), ("conftest.py", ""), ("tox.ini", "[tox]\n[pytest]\n")] {
            try folder.write("mono-\(file)/.git/HEAD", "")
            try folder.write("mono-\(file)/\(file)", text)
            try folder.write("mono-\(file)/svc/setup.py", "")
            let mono = root + "/mono-\(file)"
            #expect(Project(of: mono + "/svc/m.py", workingFolder: mono + "/svc").folder == mono, "\(file)")
        }
        try folder.write("plain/.git/HEAD", "")
        try folder.write("plain/tox.ini", "[tox]\n")
        try folder.write("plain/svc/setup.py", "")
        #expect(Project(of: root + "/plain/svc/m.py", workingFolder: "/").folder == root + "/plain/svc")
        // Tests beside the working folder are shown with it.
        try folder.write("c/app/m.py", "")
        try folder.write("c/tests/t.py", "")
        let beside = Project(of: root + "/c/app/m.py", tests: [root + "/c/tests/t.py"], workingFolder: root + "/c/app")
        #expect(beside.folder == root + "/c" && beside.workingFolder == root + "/c/app")
    }

    @Test func `names of credentials are known by their words`() {
        for name in ["AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "OPENAI_API_KEY", "DB_PASSWORD"] {
            #expect(RunnerJail.isSecret(name), "\(name)")
        }
        for name in ["PATH", "HOME", "KEYBOARD", "PYTHONPATH", "MONKEY", "TOKENIZERS_PARALLELISM", "LANG"] {
            #expect(!RunnerJail.isSecret(name), "\(name)")
        }
    }
}
