import FoundationEssentials
import Subprocess
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Runs Python programs that nobody trusts, with tests that decide about them.
///
/// Each worker is a bubblewrap jail with a warm interpreter inside. A job runs in two processes of it: one holds the
/// program, the other the tests. Only values cross between them, and every comparison of a test is made in the tests'
/// process with its own built-ins. A test that needs more of a program's object than to hand it back, to read an attribute
/// or to call it is *refused*: neither passed nor failed. `docs/strict-judge.md` lists what crosses and what is refused.
///
/// Each test may use what is left of the job's time but a reserve (a fifth, at most one second) for the tests after it.
/// After a test that ran out of time or whose process ended, the next test gets a fresh process with the program loaded
/// anew. Reports are kept and given again for equal jobs (`SandboxConfiguration.cachedReports`).
///
/// Names of built-ins and of common library names (`Counter`, `math.…`) keep their meaning in tests, unless such a name is
/// the only one that the tests use.
public actor PythonSandbox {
    private let configuration: SandboxConfiguration
    private let jail: Jail
    private let filter: SystemCallFilter?
    private(set) var idle: [Worker] = []
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var running = 0
    /// Jobs that run at once.
    let capacity: Int
    private var isShutDown = false
    /// Workers started after the first, for tests.
    private(set) var made = 0
    private var cache: ReportCache
    /// Jobs after which a worker is replaced; fewer in tests.
    private var jobsPerWorker = 5000
    func replaceWorkers(after jobs: Int) { jobsPerWorker = jobs }
    /// The workers that run a job now, for tests that kill one.
    private(set) var busy: [ObjectIdentifier: Worker] = [:]

    /// What keeps programs inside, one layer a line, with what is not enforced named.
    public nonisolated let layers: [String]

    /// Finds the interpreter and starts one worker; the others start when they are needed.
    ///
    /// - Throws: `SandboxError` when the interpreter or a layer of the jail is missing.
    public init(_ configuration: SandboxConfiguration = .default) async throws(SandboxError) {
        self.configuration = configuration
        cache = ReportCache(capacity: configuration.cachedReports)
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
        if geteuid() == 0 { identities.insert(.ownUser(PythonSandbox.nextUserNumber()), at: 0) }
        var failure: SandboxError?
        for identity in identities {
            for usesControlGroup in [true, false] {
                let jail = Jail(
                    interpreter: interpreter, sitePackages: configuration.sitePackages, identity: identity,
                    folder: "/tmp",
                    usesControlGroup: usesControlGroup)
                do {
                    let worker = try await PythonSandbox.start(jail, filter)
                    idle = [worker]
                    self.jail = jail
                    layers = PythonSandbox.describe(jail, worker.group)
                    return
                } catch {
                    failure = failure ?? error
                }
            }
        }
        throw failure!
    }

    /// Runs a job. Calls may overlap; jobs wait for a free worker.
    ///
    /// - Throws: `SandboxError` for the sandbox's own faults and for unusable tests, never for a bad program.
    public func run(_ job: SandboxJob) async throws(SandboxError) -> SandboxReport {
        if let known = cache[job] { return known }
        await enter()
        defer { leave() }
        let message: Data
        let nonce = String(UInt64.random(in: 0 ... .max), radix: 16)
        do {
            message = try JSONEncoder().encode(
                JobMessage(job: job, countFiles: !configuration.unsafeNoSandbox, nonce: nonce))
        } catch {
            throw SandboxError(code: .unusableTests, description: "The job could not be written down: \(error).")
        }
        var reason = ""
        for _ in 0..<2 {
            guard !isShutDown else {
                throw SandboxError(code: .shutDown, description: "The sandbox was shut down before the job ran.")
            }
            let worker = try await takeWorker()
            busy[ObjectIdentifier(worker)] = worker
            defer { busy[ObjectIdentifier(worker)] = nil }
            do {
                // The zygote keeps the wall clock; this one is for a zygote that hangs.
                let data = try await worker.exchange(message, seconds: job.limits.wallSeconds + 2)
                let answer = try JSONDecoder().decode(Answer.self, from: data)
                guard answer.nonce == nonce else {
                    worker.close()
                    reason = "it answered another job"
                    continue
                }
                let isWorn = worker.wear.jobs >= jobsPerWorker || worker.wear.bytes >= Worker.mostBytes
                if isShutDown || isWorn { worker.close() } else { idle.append(worker) }
                if let unusable = answer.unusable {
                    throw SandboxError(code: .unusableTests, description: unusable)
                }
                let report = SandboxReport(
                    programError: answer.programError, tests: answer.tests ?? [], hiddenTests: answer.hiddenTests ?? [],
                    output: answer.output ?? "", seconds: answer.seconds ?? 0)
                cache.store(report, for: job)
                return report
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
        if case .ownUser = jail.identity { jail.identity = .ownUser(Self.nextUserNumber()) }
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
    static func diagnose(_ jail: Jail, _ cause: any Error) async -> SandboxError {
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

    /// A user number that no account and no other worker has, so that limits on processes are counted apart. It tells a
    /// program nothing about this process.
    private static func nextUserNumber() -> UInt32 {
        let count = UInt32(workerCount.wrappingAdd(1, ordering: .relaxed).newValue % 4096)
        return 0x6000_0000 + firstUserNumber * 4096 + count
    }

    private static let firstUserNumber = UInt32.random(in: 0..<1 << 17)

    private static let workerCount = Atomic<Int>(0)

    private static func describe(_ jail: Jail, _ group: ControlGroup?) -> [String] {
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
        out.append(
            group.map { "\($0.version.rawValue): memory and number of processes of each worker" }
                ?? "no cgroup: this process may not make one, so a worker's processes have no common limit")
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
