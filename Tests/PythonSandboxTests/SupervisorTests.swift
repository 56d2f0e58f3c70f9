import Foundation
import Testing

@testable import PythonSandbox

@Suite(.serialized, .timeLimit(.minutes(1))) struct SupervisorTests {
    private let slow = SandboxJob(
        program: "import time\ndef f(x):\n    time.sleep(0.7)\n    return x", tests: .statements(["assert f(1) == 1"]),
        limits: SandboxLimits(wallSeconds: 20))

    /// The job runs again on a fresh worker.
    @Test func aWorkerKilledInMidJobLosesNothing() async throws {
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 2, cachedReports: 0))
        let slow = slow
        try await withThrowingTaskGroup(of: SandboxReport.self) { group in
            for _ in 0..<4 { group.addTask { try await sandbox.run(slow) } }
            var victims: [pid_t] = []
            for _ in 0..<1000 where victims.count < 2 {
                try await Task.sleep(for: .milliseconds(10))
                victims = await sandbox.busy.values.compactMap(\.pid)
            }
            #expect(victims.count == 2)
            for victim in victims { kill(victim, SIGKILL) }
            var reports = 0
            for try await report in group {
                #expect(report.passed)
                reports += 1
            }
            #expect(reports == 4)
        }
        #expect(await sandbox.made == 3, "one more worker at first, and two in place of the killed ones")
        await sandbox.shutdown()
    }

    @Test func aWorkerThatDiesTwiceIsTheSandboxesFault() async throws {
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1, cachedReports: 0))
        let killer = Task {
            var killed: Set<pid_t> = []
            for _ in 0..<1000 where killed.count < 2 {
                for worker in await sandbox.busy.values {
                    if let pid = worker.pid, killed.insert(pid).inserted {
                        try await Task.sleep(for: .milliseconds(50))
                        kill(pid, SIGKILL)
                    }
                }
                try await Task.sleep(for: .milliseconds(10))
            }
        }
        let error = await #expect(throws: SandboxError.self) { _ = try await sandbox.run(slow) }
        #expect(error?.code == .workerBroken)
        killer.cancel()
        #expect(
            try await sandbox.run(SandboxJob(program: "def f(): return 1", tests: .statements(["assert f() == 1"])))
                .passed)
        await sandbox.shutdown()
    }

    @Test func aHundredJobsAtOnceAllComeBack() async throws {
        let sandbox = try await Shared.sandbox.value
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for i in 0..<100 {
                group.addTask {
                    let report = try await sandbox.run(
                        SandboxJob(
                            program: "def f(): return \(i)",
                            tests: .statements(["assert f() == \(i % 2 == 0 ? i : -1)"])))
                    return report.passed ? i : 0
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(sum == (0..<100).filter { $0 % 2 == 0 }.reduce(0, +))
    }

    @Test func aWorkerIsReplacedAfterItsJobs() async throws {
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1, cachedReports: 0))
        await sandbox.replaceWorkers(after: 3)
        for i in 0..<7 {
            let job = SandboxJob(program: "def f(): return \(i)", tests: .statements(["assert f() == \(i)"]))
            #expect(try await sandbox.run(job).passed)
        }
        #expect(await sandbox.made == 2)
        await sandbox.shutdown()
    }

    /// The tests' process of an ordinary user has a limit of processes even where no control group can be made.
    @Test func testsCannotStartProcesses() async throws {
        let report = try await run(
            "def f(): return 1", file: "import os\ndef test():\n    getattr(os, 'fo' + 'rk')()\n    assert f() == 1\n")
        #expect(report.statuses == [.refused], "\(report)")
    }

    @Test func shutdownEndsEveryProcessAndLaterJobsAreRefused() async throws {
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        #expect(try await sandbox.run(SandboxJob(program: "x = 1", tests: .statements(["assert x == 1"]))).passed)
        let pids = await sandbox.idle.compactMap(\.pid)
        #expect(pids.count == 1)
        await sandbox.shutdown()
        for pid in pids { #expect(kill(pid, 0) == -1) }
        let error = await #expect(throws: SandboxError.self) { _ = try await sandbox.run(slow) }
        #expect(error?.code == .shutDown)
    }

    @Test func equalJobsAreAnsweredFromTheCache() async throws {
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        var job = SandboxJob(
            program: "import os, time\ndef f(): return time.monotonic_ns()", tests: .statements(["assert f() == 0"]))
        let first = try await sandbox.run(job)
        #expect(try await sandbox.run(job) == first)
        job.limits.wallSeconds += 1
        #expect(try await sandbox.run(job).tests != first.tests)
        await sandbox.shutdown()
    }

    @Test func theCacheKeepsTheRecentOnesAndNoTimeouts() {
        var cache = ReportCache(capacity: 4)
        func job(_ i: Int) -> SandboxJob { SandboxJob(program: "\(i)", tests: .doctests(source: "\(i)")) }
        let good = SandboxReport(tests: [TestOutcome(name: "t", status: .passed)])
        for i in 0..<8 { cache.store(good, for: job(i)) }
        #expect(cache[job(7)] != nil && cache[job(6)] != nil && cache[job(0)] == nil)
        cache.store(SandboxReport(tests: [TestOutcome(name: "t", status: .timeout)]), for: job(9))
        #expect(cache[job(9)] == nil)
    }

    @Test func aMissingInterpreterIsNamed() async {
        let error = await #expect(throws: SandboxError.self) {
            _ = try await PythonSandbox(SandboxConfiguration(interpreter: "/nowhere/python3"))
        }
        #expect(error?.code == .interpreter && error!.description.contains("/nowhere/python3"))
    }

    @Test func aProgramThatIsNoPythonIsNamed() async {
        let error = await #expect(throws: SandboxError.self) {
            _ = try await PythonSandbox(SandboxConfiguration(interpreter: "/bin/true"))
        }
        #expect(error?.code == .interpreter)
    }

    @Test func aMissingBubblewrapIsNamed() async throws {
        var jail = try await Jail(
            interpreter: PythonInterpreter.find("python3"), sitePackages: false, identity: .userNamespace,
            folder: "/tmp")
        jail.bubblewrap = "/nowhere/bwrap"
        let error = await PythonSandbox.diagnose(jail, Worker.Failure.silent)
        #expect(error.code == .unavailable)
        #expect(error.description.contains("bubblewrap") && error.description.contains("--unsafe-no-sandbox"))
    }

    @Test func theLayersAreNamed() async throws {
        let layers = try await Shared.sandbox.value.layers.joined(separator: "\n")
        for word in ["bubblewrap", "seccomp", "limits", "cgroup"] { #expect(layers.contains(word)) }
    }

    @Test func withoutTheJailTheVerdictsStayHonest() async throws {
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1, unsafeNoSandbox: true))
        #expect(sandbox.layers[0].contains("no jail"))
        let report = try await sandbox.run(
            SandboxJob(
                program: "class E:\n    def __eq__(s, o): return True\ndef f(x): return E()\ndef g(x): return x",
                tests: .statements(["assert f(1) == 1", "assert g(1) == 1"])))
        #expect(report.statuses == [.refused, .passed])
        await sandbox.shutdown()
    }
}
