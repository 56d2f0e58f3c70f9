import ArgumentParser
import ServeCommands

struct BenchSoak: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract: "Many sandbox jobs, one in ten hostile: right verdicts, and nothing that grows. Exit code 0 when so.")

    @Option(help: "Jobs in all.") var jobs = 100_000
    @OptionGroup var sandbox: SandboxOptions
    @Flag(help: .json) var json = false

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
