import ArgumentParser
import Foundation
import PythonSandbox

struct BenchSandbox: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sandbox",
        abstract: "Sandbox jobs a second and milliseconds a job, beside a fresh interpreter for each job.")

    @Option(help: "Jobs of each measurement of the sandbox; the others run a tenth.") var jobs = 2000
    @OptionGroup var sandbox: SandboxOptions
    @Flag(help: "Print the figures as one JSON object on standard output.") var json = false

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

struct BenchSoak: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract: "Many sandbox jobs, one in ten hostile: right verdicts, and nothing that grows. Exit code 0 when so.")

    @Option(help: "Jobs in all.") var jobs = 100_000
    @OptionGroup var sandbox: SandboxOptions
    @Flag(help: "Print the figures as one JSON object on standard output.") var json = false

    func validate() throws {
        if jobs < 100 { throw ValidationError("--jobs must be at least 100.") }
    }

    func run() async throws {
        let result = try await SandboxSoak.run(sandbox.configuration, jobs: jobs) { sample in
            Terminal.say(
                "\(sample.jobs) jobs, \(Int(sample.seconds)) s, \(sample.memoryBytes >> 20) MiB, workers "
                    + "\(sample.workerMemoryBytes >> 20) MiB, \(sample.openDescriptors) descriptors, "
                    + "\(sample.processes) processes")
        }
        Terminal.say(
            "\(result.wrongVerdicts) wrong verdicts, \(result.faults) faults of the sandbox, "
                + (result.isFlat ? "nothing grew" : "something grew") + ", \(result.hostileJobs) hostile jobs")
        for example in result.examples { Terminal.say(example) }
        if json { try Terminal.printJSON(result) }
        if result.wrongVerdicts > 0 || result.faults > 0 || !result.isFlat { throw ExitCode(1) }
    }
}
