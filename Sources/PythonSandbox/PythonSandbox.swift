import FoundationEssentials
import Subprocess

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Runs Python programs that nobody trusts, with tests that decide about them.
///
/// Each worker is a bubblewrap jail with a warm interpreter inside. For a job it forks one fresh process in which the
/// program runs; the tests run in another, the *judge*. Only values cross between them, so nothing that a program does
/// to its interpreter reaches the verdict.
///
/// Limits of that boundary: tests see the program's objects as proxies (attributes, calls, iteration, operators,
/// isinstance, exceptions work; `type(x) is C` holds for the program's classes, not for containers read from
/// attributes); a proxy is never equal to a plain value; tests cannot derive classes from the program's; a list that a
/// program keeps and changes after the call returned does not change in the test.
public actor PythonSandbox {
    private let configuration: SandboxConfiguration
    private let jail: Jail
    private let filter: SystemCallFilter?
    private var idle: [Worker] = []
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var running = 0
    private let capacity: Int
    private var isShutDown = false
    private var made = 0

    /// What keeps programs inside, one layer a line, with what is not enforced named.
    public nonisolated let layers: [String]

    /// Finds the interpreter and starts one worker; the others start when they are needed.
    ///
    /// - Throws: `SandboxError` when the interpreter or a layer of the jail is missing.
    public init(_ configuration: SandboxConfiguration = .default) async throws(SandboxError) {
        self.configuration = configuration
        capacity = max(1, configuration.workers ?? ProcessInfo.processInfo.activeProcessorCount)
        let interpreter = try await PythonInterpreter.find(configuration.interpreter)
        if configuration.unsafeNoSandbox {
            let folder = "/tmp/coe-unsafe-\(getpid())"
            mkdir(folder, 0o700)
            jail = Jail(
                interpreter: interpreter, sitePackages: configuration.sitePackages, identity: .caller, folder: folder)
            filter = try? SystemCallFilter()
            idle = [try await PythonSandbox.start(jail, filter)]
            var layers = ["no jail: files, network and processes of the user are open to programs"]
            layers += [
                filter == nil
                    ? "no system call filter: libseccomp is missing" : "seccomp: a program can't start processes"
            ]
            layers += ["resource limits and wall clock"]
            self.layers = layers
            return
        }
        let filter = try SystemCallFilter()
        self.filter = filter
        var identities: [Jail.Identity] = [.userNamespace]
        if geteuid() == 0 { identities.insert(.ownUser(PythonSandbox.userNumber), at: 0) }
        var failure: SandboxError?
        for identity in identities {
            let jail = Jail(
                interpreter: interpreter, sitePackages: configuration.sitePackages, identity: identity, folder: "/tmp")
            do {
                idle = [try await PythonSandbox.start(jail, filter)]
                self.jail = jail
                layers = PythonSandbox.describe(jail)
                return
            } catch {
                failure = failure ?? error
            }
        }
        throw failure!
    }

    /// Runs a job. Calls may overlap; jobs wait for a free worker.
    ///
    /// - Throws: `SandboxError` for the sandbox's own faults and for unusable tests, never for a bad program.
    public func run(_ job: SandboxJob) async throws(SandboxError) -> SandboxReport {
        await enter()
        defer { leave() }
        let message: Data
        do {
            message = try JSONEncoder().encode(JobMessage(job: job, countFiles: !configuration.unsafeNoSandbox))
        } catch {
            throw SandboxError(code: .unusableTests, description: "The job could not be written down: \(error).")
        }
        var reason = ""
        for _ in 0..<2 {
            guard !isShutDown else {
                throw SandboxError(code: .shutDown, description: "The sandbox was shut down before the job ran.")
            }
            let worker = try await takeWorker()
            do {
                // The judge keeps the wall clock; this one is for a judge that hangs.
                let data = try await worker.exchange(message, seconds: job.limits.wallSeconds + 2)
                let answer = try JSONDecoder().decode(Answer.self, from: data)
                if let fault = answer.fault {
                    worker.close()
                    reason = "its judge failed: \(fault)"
                    continue
                }
                if isShutDown { worker.close() } else { idle.append(worker) }
                if let unusable = answer.unusable {
                    throw SandboxError(code: .unusableTests, description: unusable)
                }
                return SandboxReport(
                    programError: answer.programError, tests: answer.tests ?? [], hiddenTests: answer.hiddenTests ?? [],
                    output: answer.output ?? "", seconds: answer.seconds ?? 0)
            } catch let error as SandboxError {
                throw error
            } catch Worker.Failure.silent {
                worker.close()
                return Self.silentReport(job)
            } catch {
                worker.close()
                reason = "\(error)"
            }
        }
        throw SandboxError(
            code: .workerBroken,
            description:
                "A sandbox worker broke twice on the same job (\(reason)). This is a fault of the sandbox, not of the program."
        )
    }

    /// Ends all workers. Jobs that still wait fail with `shutDown`.
    public func shutdown() async {
        isShutDown = true
        let workers = idle
        idle = []
        for worker in workers { worker.close() }
        for worker in workers { await worker.ended() }
        for continuation in waiting { continuation.resume() }
        waiting = []
        if case .caller = jail.identity { _ = rmdir(jail.folder) }
    }

    // MARK: - Workers

    private func enter() async {
        if running < capacity {
            running += 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func leave() {
        if waiting.isEmpty { running -= 1 } else { waiting.removeFirst().resume() }
    }

    private func takeWorker() async throws(SandboxError) -> Worker {
        if let worker = idle.popLast() { return worker }
        made += 1
        var jail = jail
        if case .ownUser(let number) = jail.identity { jail.identity = .ownUser(number + UInt32(made % 4096)) }
        return try await Self.start(jail, filter)
    }

    private static func start(_ jail: Jail, _ filter: SystemCallFilter?) async throws(SandboxError) -> Worker {
        do {
            return try await Worker(jail: jail, start: WorkerStart(jail: jail, filter: filter))
        } catch {
            throw await diagnose(jail, error)
        }
    }

    /// Tries the jail alone and turns its complaint into a sentence that names the missing layer.
    private static func diagnose(_ jail: Jail, _ cause: any Error) async -> SandboxError {
        let advice = "Install or allow it, or run with --unsafe-no-sandbox if you trust the programs."
        let (executable, arguments) = jail.command(script: "print('inside')")
        do {
            let result = try await Subprocess.run(
                Executable(named: executable), arguments: Arguments(arguments),
                input: .none, output: .string(limit: 1 << 16), error: .string(limit: 1 << 16))
            let complaint = result.standardError.split(separator: "\n").last.map(String.init) ?? ""
            if !result.terminationStatus.isSuccess {
                return SandboxError(
                    code: .unavailable,
                    description:
                        "bubblewrap could not make the jail: \(complaint) A kernel layer (user namespaces, mount or network namespaces) is missing or forbidden here. \(advice)"
                )
            }
        } catch {
            return SandboxError(
                code: .unavailable, description: "bubblewrap (the command 'bwrap') is missing: \(error). \(advice)")
        }
        return SandboxError(code: .workerBroken, description: "A sandbox worker did not start: \(cause).")
    }

    /// A user number that no account has, apart for each process so that limits on processes are counted apart.
    private static var userNumber: UInt32 { 0x6000_0000 + UInt32(getpid() & 0xFFFF) * 4096 }

    private static func describe(_ jail: Jail) -> [String] {
        let version = jail.interpreter.version.map(String.init).joined(separator: ".")
        var out = [
            "bubblewrap: own process, network, mount, IPC and host name spaces, read-only root with Python \(version) alone"
        ]
        switch jail.identity {
        case .userNamespace: out.append("user namespace, no capabilities")
        case .ownUser: out.append("a user number of its own for each worker, no capabilities (started as root)")
        case .caller: break
        }
        out.append("seccomp: allow-lists compiled by libseccomp; a program can't start processes or reach others")
        out.append("resource limits and wall clock")
        return out
    }

    private static func silentReport(_ job: SandboxJob) -> SandboxReport {
        func late(_ names: [String]) -> [TestOutcome] {
            names.map { TestOutcome(name: String($0.prefix(100)), status: .timeout, message: "timed out") }
        }
        var names = ["tests"]
        if case .statements(let statements) = job.tests { names = statements }
        return SandboxReport(tests: late(names), hiddenTests: late(job.hiddenTests), seconds: job.limits.wallSeconds)
    }
}
