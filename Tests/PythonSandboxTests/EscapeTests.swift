import Foundation
import PythonSandbox
import Testing

/// Every attack fails, and the next job on the same worker is clean.
@Suite(.serialized) struct EscapeTests {
    private let limits = SandboxLimits(wallSeconds: 1.5, cpuSeconds: 2)

    @Test(arguments: Attack.all) func fails(_ attack: Attack) async throws {
        setenv("COE_CANARY", "canary", 1)
        let sandbox = try await Shared.single.value
        let home = "HOME = \(String(reflecting: NSHomeDirectory()))\n"
        let report = try await sandbox.run(
            SandboxJob(
                program: home + attack.program, tests: .statements(["assert attack() == 'escaped'"]), limits: limits))
        #expect(report.programError == nil)
        #expect(report.statuses.first != .passed, "\(attack.name) got out")
        #expect(report.statuses.first != .notRun)
        let next = try await sandbox.run(
            SandboxJob(program: EscapeTests.tidy, tests: .statements(EscapeTests.tidyTests)))
        #expect(next.passed, "the job after \(attack.name): \(next)")
    }

    /// Without a sandbox the attacks succeed: none of the tests above passes for a trivial reason.
    @Test(.enabled(if: showsAttacksBare), arguments: Attack.all.filter(\.realOutside))
    func succeedsOutside(_ attack: Attack) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "coe-bare-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let home =
            "import os, sys\nos.chdir(\(String(reflecting: folder.path)))\nHOME = \(String(reflecting: NSHomeDirectory()))\n"
        #expect(
            try bare(
                home + attack.program + "\nsys.stdout.flush()\nos._exit(0 if attack() == 'escaped' else 1)",
                environment: ["COE_CANARY": "canary"]),
            "\(attack.name) does not even work without a sandbox")
    }

    /// Looks for anything that an earlier job may have left.
    static let tidy = """
        import os, sys, json, builtins, threading
        def files(): return sorted(os.listdir("."))
        def modules(): return "coe_left" in sys.modules or hasattr(json, "coe_left") or hasattr(builtins, "coe_left")
        def threads(): return threading.active_count()
        def add(a, b): return a + b
        """
    static let tidyTests = [
        "assert files() == []", "assert not modules()", "assert threads() == 1", "assert add(2, 3) == 5",
    ]

    /// What a job leaves is gone when the next one starts in the same worker.
    @Test(arguments: [
        "open('left', 'w').write('x')", "os.makedirs('a/b/c'); open('a/b/c/f', 'w').close(); os.chmod('a/b', 0)",
        "os.symlink('/', 'link')", "import json; json.coe_left = 1", "import builtins; builtins.coe_left = 1",
        "sys.modules['coe_left'] = sys", "os.chdir('/')", "os.mkfifo('pipe')", "os.umask(0)",
        "import threading; threading.Thread(target=lambda: __import__('time').sleep(60), daemon=True).start()",
    ])
    func leavesNothing(_ act: String) async throws {
        let sandbox = try await Shared.single.value
        let first = try await sandbox.run(
            SandboxJob(program: "import os, sys\n\(act)\ndef f(): return 1", tests: .statements(["assert f() == 1"])))
        #expect(first.programError == nil || act.contains("mkfifo"), "\(first)")
        let next = try await sandbox.run(
            SandboxJob(program: EscapeTests.tidy, tests: .statements(EscapeTests.tidyTests)))
        #expect(next.passed, "\(next)")
    }
}
