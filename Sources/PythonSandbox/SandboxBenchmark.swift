import FoundationEssentials
import Subprocess

/// What a job costs here, beside the simplest ways to run one.
public struct SandboxBenchmark: Codable, Hashable, Sendable {
    /// Cores of the machine, and workers of the second measurement.
    public var cores: Int
    /// Jobs a second with one worker.
    public var jobsPerSecondOneWorker: Double
    /// Jobs a second with one worker a core.
    public var jobsPerSecondAllCores: Double
    /// Milliseconds of a job on one worker, one job at a time.
    public var medianMilliseconds: Double
    public var p99Milliseconds: Double
    /// Milliseconds and jobs a second of a fresh `python3 -I -S` for each job, without any jail.
    public var freshInterpreterMedianMilliseconds: Double
    public var freshInterpreterJobsPerSecond: Double
    /// Jobs a second of a Python loop over `subprocess.run([python, "-c", job])`, without any jail.
    public var subprocessLoopJobsPerSecond: Double
    /// Jobs in each of the sandbox's measurements.
    public var jobs: Int

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
    /// - Parameter jobs: How many jobs each measurement of the sandbox runs; the others run a tenth.
    public static func run(
        _ configuration: SandboxConfiguration = .default, jobs: Int = 2000
    ) async throws -> SandboxBenchmark {
        var single = configuration
        (single.workers, single.cachedReports) = (1, 0)
        var full = configuration
        (full.workers, full.cachedReports) = (nil, 0)
        let clock = ContinuousClock()

        let one = try await PythonSandbox(single)
        for index in 0..<50 { _ = try await one.run(job(index)) }
        var times: [Double] = []
        let oneStart = clock.now
        for index in 0..<jobs {
            let start = clock.now
            _ = try await one.run(job(index))
            times.append((clock.now - start) / .milliseconds(1))
        }
        let oneSeconds = (clock.now - oneStart) / .seconds(1)
        await one.shutdown()
        times.sort()

        let all = try await PythonSandbox(full)
        let cores = all.capacity
        for index in 0..<50 { _ = try await all.run(job(index)) }
        let allStart = clock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            var next = 0
            func add() {
                guard next < jobs else { return }
                let index = next
                next += 1
                group.addTask { _ = try await all.run(job(index)) }
            }
            for _ in 0..<cores * 2 { add() }
            while try await group.next() != nil { add() }
        }
        let allSeconds = (clock.now - allStart) / .seconds(1)
        await all.shutdown()

        let interpreter = try await PythonInterpreter.find(configuration.interpreter).executable
        var fresh: [Double] = []
        let few = max(10, jobs / 10)
        let freshStart = clock.now
        for index in 0..<few {
            let start = clock.now
            _ = try await Subprocess.run(
                Executable(named: interpreter), arguments: ["-I", "-S", "-c", script(index)], output: .discarded)
            fresh.append((clock.now - start) / .milliseconds(1))
        }
        let freshSeconds = (clock.now - freshStart) / .seconds(1)
        fresh.sort()

        let loop = """
            import subprocess, sys, time
            jobs = sys.argv[2:]
            count, start = int(sys.argv[1]), time.perf_counter()
            for i in range(count):
                subprocess.run([sys.executable, "-c", jobs[i % len(jobs)]], capture_output=True)
            print(count / (time.perf_counter() - start))
            """
        let scripts = exercises.indices.map(script)
        let looped = try await Subprocess.run(
            Executable(named: interpreter), arguments: Arguments(["-c", loop, String(few)] + scripts),
            output: .string(limit: 100), error: .discarded)
        return SandboxBenchmark(
            cores: cores, jobsPerSecondOneWorker: Double(jobs) / oneSeconds,
            jobsPerSecondAllCores: Double(jobs) / allSeconds,
            medianMilliseconds: times[times.count / 2], p99Milliseconds: times[times.count * 99 / 100],
            freshInterpreterMedianMilliseconds: fresh[fresh.count / 2],
            freshInterpreterJobsPerSecond: Double(few) / freshSeconds,
            subprocessLoopJobsPerSecond: Double(looped.standardOutput.split(separator: "\n").first ?? "0") ?? 0,
            jobs: jobs)
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
