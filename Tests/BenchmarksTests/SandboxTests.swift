import PythonSandbox
import Testing

@testable import Benchmarks

@Suite struct SandboxTests {
    @Test func benchmarkMeasures() async throws {
        let figures = try await SandboxBenchmark.run(jobs: 40)
        #expect(
            figures.jobsPerSecondOneWorker > 0 && figures.subprocessLoopJobsPerSecond > 0
                && figures.p99Milliseconds >= figures.medianMilliseconds)
    }

    @Test func soakJudgesRightAndHostileJobsRight() async throws {
        let soak = try await SandboxSoak.run(SandboxConfiguration(workers: 2), jobs: 320)
        #expect(soak.wrongVerdicts == 0 && soak.faults == 0, "\(soak.examples)")
        #expect(soak.hostileJobs == 32 && soak.samples.count >= 10)
    }

    @Test func growthIsSeen() {
        func soak(_ step: Int) -> SandboxSoak {
            SandboxSoak(
                jobs: 0, hostileJobs: 0, seconds: 0, wrongVerdicts: 0, examples: [], faults: 0,
                samples: (0..<20).map {
                    .init(
                        jobs: $0, seconds: 0, memoryBytes: 50 << 20, workerMemoryBytes: ($0 == 15 ? 400 : 90) << 20,
                        openDescriptors: 18 + $0 * step, processes: 7)
                })
        }
        #expect(soak(0).isFlat && !soak(1).isFlat)
    }
}
