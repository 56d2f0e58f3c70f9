import ArgumentParser
import Foundation
import ServeCommands

struct BenchSandbox: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sandbox",
        abstract: "Sandbox jobs a second and milliseconds a job, beside a fresh interpreter for each job.")

    @Option(help: "Jobs of each measurement of the sandbox; the others run a tenth.") var jobs = 2000
    @OptionGroup var sandbox: SandboxOptions
    @Flag(help: .json) var json = false

    func validate() throws {
        if jobs < 10 { throw ValidationError("--jobs must be at least 10.") }
    }

    func run() async throws {
        let result = try await SandboxBenchmark.run(sandbox.configuration, jobs: jobs)
        func format(_ value: Double) -> String { String(format: "%.1f", value) }
        Terminal.say(
            """
            one worker: \(format(result.jobsPerSecondOneWorker)) jobs/s, median \(format(result.medianMilliseconds)) ms, \
            p99 \(format(result.p99Milliseconds)) ms
            \(result.cores) workers: \(format(result.jobsPerSecondAllCores)) jobs/s
            python3 -I -S a job: \(format(result.freshInterpreterJobsPerSecond)) jobs/s, \
            median \(format(result.freshInterpreterMedianMilliseconds)) ms
            subprocess loop: \(format(result.subprocessLoopJobsPerSecond)) jobs/s
            """)
        if json { try Terminal.printJSON(result) }
    }
}
