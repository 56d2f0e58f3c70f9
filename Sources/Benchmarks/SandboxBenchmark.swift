import Foundation
import PythonSandbox
import ServeCommands

/// What a job costs here, beside the simplest ways to run one.
struct SandboxBenchmark: Codable, Hashable, Sendable {
    /// Cores of the machine, and workers of the second measurement.
    var cores: Int
    /// Jobs a second with one worker.
    var jobsPerSecondOneWorker: Double
    /// Jobs a second with one worker a core.
    var jobsPerSecondAllCores: Double
    /// Milliseconds of a job on one worker, one job at a time.
    var medianMilliseconds: Double
    var p99Milliseconds: Double
    /// Milliseconds and jobs a second of a fresh `python3 -I -S` for each job, without any jail.
    var freshInterpreterMedianMilliseconds: Double
    var freshInterpreterJobsPerSecond: Double
    /// Jobs a second of a Python loop over `subprocess.run([python, "-c", job])`, without any jail.
    var subprocessLoopJobsPerSecond: Double
    /// Jobs in each of the sandbox's measurements.
    var jobs: Int

    /// Short exercises with three asserts each, as in MBPP; one in four fails.
    static let exercises: [(program: String, tests: [String])] = [
        (
            "def add(a, b):\n    return a + b\n",
            ["assert add(1, 2) == 3", "assert add(-1, 1) == 0", "assert add(0, 0) == 0"]
        ),
        (
            "import re\ndef words(text):\n    return re.findall(r'\\w+', text.lower())\n",
            ["assert words('A b') == ['a', 'b']", "assert words('') == []", "assert words('x, y') == ['x', 'y']"]
        ),
        (
            "def primes(n):\n    return [p for p in range(2, n) if all(p % q for q in range(2, p))]\n",
            ["assert primes(10) == [2, 3, 5, 7]", "assert primes(2) == []", "assert len(primes(100)) == 25"]
        ),
        (
            "from collections import Counter\ndef most_common(items):\n    return Counter(items).most_common(1)[0]\n",
            [
                "assert most_common('aab') == ('a', 2)", "assert most_common([1]) == (1, 1)",
                "assert most_common('ba') == ('a', 1)",
            ]
        ),
    ]

    /// Measures; takes some seconds.
    ///
    /// - Parameter jobs: the jobs of each measurement of the sandbox; the others run a tenth.
    static func run(_ configuration: SandboxConfiguration = .default, jobs: Int) async throws -> SandboxBenchmark {
        var single = configuration
        (single.workers, single.cachedReports) = (1, 0)
        var full = configuration
        (full.workers, full.cachedReports) = (nil, 0)
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let few = max(10, jobs / 10)

        let one = try await withSandbox(single) { sandbox in
            for index in 0..<50 { _ = try await sandbox.run(job(index)) }
            return try await times(jobs) { _ = try await sandbox.run(job($0)) }
        }
        let allSeconds = try await withSandbox(full) { sandbox in
            for index in 0..<50 { _ = try await sandbox.run(job(index)) }
            return try await sideBySide(jobs, width: 2 * cores, sandbox)
        }
        let fresh = try await times(few) {
            _ = try output(configuration.interpreter, ["-I", "-S", "-c", script($0)])
        }
        let loop = """
            import subprocess, sys, time
            jobs = sys.argv[2:]
            count, start = int(sys.argv[1]), time.perf_counter()
            for i in range(count):
                subprocess.run([sys.executable, "-c", jobs[i % len(jobs)]], capture_output=True)
            print(count / (time.perf_counter() - start))
            """
        let looped = try output(configuration.interpreter, ["-c", loop, "\(few)"] + exercises.indices.map(script))
        return SandboxBenchmark(
            cores: cores, jobsPerSecondOneWorker: Double(jobs) / one.reduce(0, +),
            jobsPerSecondAllCores: Double(jobs) / allSeconds, medianMilliseconds: 1000 * one[jobs / 2],
            p99Milliseconds: 1000 * one[min(jobs - 1, jobs * 99 / 100)],
            freshInterpreterMedianMilliseconds: 1000 * fresh[few / 2],
            freshInterpreterJobsPerSecond: Double(few) / fresh.reduce(0, +),
            subprocessLoopJobsPerSecond: Double(looped.split(separator: "\n").first ?? "0") ?? 0, jobs: jobs)
    }

    /// Seconds of each call, one after the other, in ascending order.
    private static func times(_ count: Int, _ body: (Int) async throws -> Void) async throws -> [Double] {
        let clock = ContinuousClock()
        var times: [Double] = []
        for index in 0..<count {
            let start = clock.now
            try await body(index)
            times.append((clock.now - start) / .seconds(1))
        }
        return times.sorted()
    }

    private static func sideBySide(_ jobs: Int, width: Int, _ sandbox: PythonSandbox) async throws -> Double {
        try await ContinuousClock().measure {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<jobs {
                    if index >= width { try await group.next() }
                    group.addTask { _ = try await sandbox.run(job(index)) }
                }
                try await group.waitForAll()
            }
        } / .seconds(1)
    }

    private static func output(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }

    private static func job(_ index: Int) -> SandboxJob {
        let exercise = exercises[index % exercises.count]
        return SandboxJob(program: exercise.program, tests: .statements(exercise.tests))
    }

    private static func script(_ index: Int) -> String {
        let exercise = exercises[index % exercises.count]
        return exercise.program + exercise.tests.joined(separator: "\n")
    }
}
