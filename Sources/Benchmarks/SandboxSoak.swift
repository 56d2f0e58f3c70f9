import Foundation
import PythonSandbox

/// Runs very many jobs, right, wrong and hostile, and watches what the sandbox itself uses. Linux only.
struct SandboxSoak: Codable, Hashable, Sendable {
    /// What this process and its workers hold at one moment.
    struct Sample: Codable, Hashable, Sendable {
        var jobs: Int
        var seconds: Double
        /// Resident memory of this process, in bytes.
        var memoryBytes: Int
        /// Resident memory of the workers' processes, in bytes.
        var workerMemoryBytes: Int
        var openDescriptors: Int
        /// Processes below this one.
        var processes: Int
    }

    var jobs: Int
    var hostileJobs: Int
    var seconds: Double
    /// Jobs whose verdict was not the expected one, with the first few named.
    var wrongVerdicts: Int
    var examples: [String]
    /// Errors of the sandbox itself.
    var faults: Int
    /// About twenty samples, the first after a tenth of the jobs.
    var samples: [Sample]

    /// Whether nothing grew from the first half of the samples to the second beyond what allocators wander by.
    ///
    /// The least of each half is compared: a sample may meet a memory bomb at work.
    var isFlat: Bool {
        guard samples.count >= 2 else { return false }
        let early = samples.prefix(samples.count / 2)
        let late = samples.dropFirst(samples.count / 2)
        func growth(_ field: KeyPath<Sample, Int>) -> Int {
            (late.map { $0[keyPath: field] }.min() ?? 0) - (early.map { $0[keyPath: field] }.min() ?? 0)
        }
        return growth(\.memoryBytes) < 32 << 20 && growth(\.workerMemoryBytes) < 32 << 20
            && growth(\.openDescriptors) <= 2 && growth(\.processes) <= 2
    }

    /// Programs that attack; none may pass.
    static let hostile: [String] = [
        "import os\ndef f(x): os._exit(0)",
        "class E:\n    def __eq__(self, o): return True\ndef f(x): return E()",
        "def f(x):\n    a = []\n    while True: a.append(' ' * 10**7)",
        "import os\ndef f(x):\n    while True: os.fork()",
        "def f(x):\n    for i in range(10**9): print('x' * 1000)",
        "def f(x):\n    for i in range(10**6): open('f%d' % i, 'w').write('x' * 10**6)",
        "import threading, time\ndef f(x):\n    while True: threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
        "import os, signal\ndef f(x):\n    os.kill(1, signal.SIGKILL)\n    os.kill(-1, signal.SIGKILL)\n    return 5",
        "import ctypes\ndef f(x): ctypes.string_at(0)",
        "def f(x): return f(x)",
        "import os\ndef f(x):\n    os.write(3, b'\\0\\0\\0\\2[]' * 1000)\n    return 5",
        "import socket\ndef f(x): socket.socket().connect(('127.0.0.1', 22))",
        "import os\nos.closerange(0, 64)\ndef f(x): return 5",
        "def f(x): return [0] * (6 << 20)",
        "def f(x:\n    return 4",
        "def f(x):\n    while True: pass",
    ]

    /// - Parameter progress: Called with each sample.
    static func run(
        _ configuration: SandboxConfiguration = .default, jobs: Int = 100_000,
        progress: @Sendable (Sample) -> Void = { _ in }
    ) async throws -> SandboxSoak {
        var configuration = configuration
        configuration.cachedReports = 0
        let sandbox = try await PythonSandbox(configuration)
        let start = ContinuousClock.now
        var soak = SandboxSoak(
            jobs: jobs, hostileJobs: 0, seconds: 0, wrongVerdicts: 0, examples: [], faults: 0, samples: [])
        let step = max(1, jobs / 20)
        await withTaskGroup(of: (String, Result<Bool, SandboxError>).self) { group in
            var next = 0
            func add() {
                guard next < jobs else { return }
                let index = next
                next += 1
                if index % 10 == 9 { soak.hostileJobs += 1 }
                group.addTask {
                    let (job, passes) = Self.job(index)
                    do throws(SandboxError) {
                        let report = try await sandbox.run(job)
                        return (
                            passes == report.passed ? "" : "\(job.program): \(report.tests)",
                            .success(passes == report.passed)
                        )
                    } catch {
                        return (job.program, .failure(error))
                    }
                }
            }
            for _ in 0..<8 { add() }
            var done = 0
            while let (text, result) = await group.next() {
                done += 1
                switch result {
                case .success(true): break
                case .success(false):
                    soak.wrongVerdicts += 1
                    if soak.examples.count < 5 { soak.examples.append(text) }
                case .failure(let error):
                    soak.faults += 1
                    if soak.examples.count < 5 { soak.examples.append("\(text): \(error)") }
                }
                if done % step == 0, done >= jobs / 10 {
                    let sample = sample(done, (ContinuousClock.now - start) / .seconds(1))
                    soak.samples.append(sample)
                    progress(sample)
                }
                add()
            }
        }
        soak.seconds = (ContinuousClock.now - start) / .seconds(1)
        await sandbox.shutdown()
        return soak
    }

    /// The job of a number, and whether it must pass.
    private static func job(_ index: Int) -> (SandboxJob, Bool) {
        let limits = SandboxLimits(wallSeconds: 0.5, cpuSeconds: 1, memoryBytes: 256 << 20)
        if index % 10 == 9 {
            let program = hostile[index / 10 % hostile.count]
            return (SandboxJob(program: program, tests: .statements(["assert f(2) == 4"]), limits: limits), false)
        }
        let relaxed = SandboxLimits(wallSeconds: 20, cpuSeconds: 20)
        if index % 10 == 3 {
            let file = "from program import f\ndef test_f():\n    assert f(\(index % 97)) == \(index % 97 * 2)\n"
            return (
                SandboxJob(
                    program: "def f(x):\n    return x * 2", tests: .file(source: file, name: "test_f.py"),
                    limits: relaxed), true
            )
        }
        let right = index % 3 > 0
        let program = "def f(x):\n    return x * 2\(right ? "" : " + 1")\n"
        let tests = (0..<3).map { "assert f(\($0 + index % 89)) == \(2 * ($0 + index % 89))" }
        return (SandboxJob(program: program, tests: .statements(tests), limits: relaxed), right)
    }

    // MARK: - What is used

    private static func sample(_ jobs: Int, _ seconds: Double) -> Sample {
        let own = getpid()
        let below = descendants(of: own)
        return Sample(
            jobs: jobs, seconds: seconds, memoryBytes: residentBytes(own),
            workerMemoryBytes: below.map(residentBytes).reduce(0, +), openDescriptors: entries("/proc/self/fd").count,
            processes: below.count)
    }

    private static func residentBytes(_ process: pid_t) -> Int {
        let fields = text("/proc/\(process)/statm").split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(getpagesize()) : 0
    }

    private static func descendants(of process: pid_t) -> [pid_t] {
        var parents: [pid_t: [pid_t]] = [:]
        for name in entries("/proc") {
            guard let number = pid_t(name) else { continue }
            // The parent is the second field after the command's name in parentheses.
            guard let rest = text("/proc/\(number)/stat").split(separator: ")").last?.split(separator: " "),
                rest.count > 1,
                let parent = pid_t(rest[1])
            else { continue }
            parents[parent, default: []].append(number)
        }
        var found: [pid_t] = []
        var next = parents[process] ?? []
        while let one = next.popLast() {
            found.append(one)
            next += parents[one] ?? []
        }
        return found
    }

    private static func entries(_ folder: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }

    private static func text(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
