public import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The user's own pytest, unittest or doctest as the judge of a file of the user's project.
///
/// The runner is warm: it has imported itself, its plugins and the project's third-party modules, and forks a process for
/// each candidate, which it lays over the original at its own path. Nothing of the project is imported before the fork.
/// It runs in a jail (``layers``) without a network; writes are thrown away after each job.
///
/// The program shares a process with its tests, so a program can forge a verdict against its own user. Programs that
/// nobody trusts are judged by `PythonSandbox`.
public actor UserRunner {
    private let configuration: RunnerConfiguration
    private let jail: RunnerJail
    private var idle: [RunnerProcess] = []
    private var all: [ObjectIdentifier: RunnerProcess] = [:]
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var running = 0
    private var isShutDown = false
    /// Reports on candidates that were judged; not those that depend on how busy the machine is.
    private var known: [Data: RunnerReport] = [:]

    /// The form of the tests.
    public nonisolated let kind: TestKind
    /// Python's and pytest's versions.
    public nonisolated let python: String
    public nonisolated let pytest: String?
    /// What keeps the tests inside, one layer a line.
    public nonisolated let layers: [String]

    /// Finds the interpreter and starts one runner.
    ///
    /// - Throws: `RunnerError` when the interpreter or the jail is missing, and when the tests can't be used.
    public init(_ configuration: RunnerConfiguration) async throws(RunnerError) {
        self.configuration = configuration
        let choice = RunnerInterpreter.choice(
            named: configuration.interpreter, project: configuration.project, file: configuration.file)
        let interpreter = try await RunnerInterpreter.find(choice)
        var failure: RunnerError?
        for jail in Self.jails(interpreter, configuration) {
            do throws(RunnerError) {
                let (process, greeting) = try await Self.start(configuration, jail)
                if let problem = greeting.layerProblem {
                    process.close()
                    throw RunnerError(.unavailable, problem)
                }
                if let reason = greeting.unusable {
                    process.close()
                    throw RunnerError(.unusableTests, reason)
                }
                self.jail = jail
                idle = [process]
                all = [ObjectIdentifier(process): process]
                kind = greeting.kind ?? .auto
                python = greeting.python ?? ""
                pytest = greeting.pytest
                layers = Self.describe(jail)
                return
            } catch {
                if error.code == .unusableTests { throw error }
                failure = failure ?? error
            }
        }
        throw failure!
    }

    /// The jails to try, the best first.
    private static func jails(_ interpreter: RunnerInterpreter, _ configuration: RunnerConfiguration) -> [RunnerJail] {
        let project = configuration.project
        let others = configuration.tests.map { test in
            let path = test.split(separator: ":", maxSplits: 1)[0]
            return Project.real(path.hasPrefix("/") ? String(path) : "\(project.workingFolder)/\(path)")
        }.filter { path in
            !Project.isWithin(path, project.folder) && access(path, F_OK) == 0
                && (path.hasSuffix(".py") || !Project.isShared(path))
        }.map { $0.hasSuffix(".py") ? Project.parent($0) : $0 }
        let jail = RunnerJail(
            interpreter: interpreter, project: project.folder, others: others, layer: .copy, hasUserNamespace: false)
        if configuration.unsafeNoSandbox { return [jail] }
        return [RunnerJail.Layer.overlay, .restore].flatMap { layer in
            (geteuid() == 0 ? [false, true] : [true]).map { hasUserNamespace in
                var jail = jail
                jail.layer = layer
                jail.hasUserNamespace = hasUserNamespace
                return jail
            }
        }
    }

    private static func start(
        _ configuration: RunnerConfiguration, _ jail: RunnerJail
    ) async throws(RunnerError) -> (RunnerProcess, RunnerGreeting) {
        let (executable, arguments) = jail.command(running: RunnerStart.boot)
        do {
            let process = try RunnerProcess(
                executable: executable, arguments: arguments, environment: jail.environment())
            let message = try JSONEncoder().encode(RunnerStart(configuration, jail))
            let answer = try await process.exchange(message, seconds: 120)
            return (process, try JSONDecoder().decode(RunnerGreeting.self, from: answer))
        } catch let failure as RunnerProcess.Failure {
            let advice =
                jail.layer == .copy
                ? ""
                : " Install bubblewrap and allow name spaces, or use --unsafe-no-sandbox if you trust the programs."
            throw RunnerError(.unavailable, "The tests' jail does not start (\(failure.reason)).\(advice)")
        } catch {
            throw RunnerError(.broken, "The tests' runner can't be started: \(error).")
        }
    }

    // MARK: - Judging

    /// Runs the tests on a candidate: the bytes of ``RunnerConfiguration/file``. Calls may overlap; they wait for a free
    /// runner. A cancelled task ends the job.
    ///
    /// - Parameters:
    ///   - details: whether each test's parameters are reported.
    ///   - trace: whether the lines of the program that run are reported.
    /// - Throws: `CancellationError`, or `RunnerError` where the runner breaks again and again.
    public func judge(_ candidate: Data, details: Bool = false, trace: Bool = false) async throws -> RunnerReport {
        let isPlain = !details && !trace
        if isPlain, let report = known[candidate] { return report }
        let job = RunnerJob(
            bytes: candidate.base64EncodedString(), details: details ? true : nil, trace: trace ? true : nil)
        for _ in 0..<2 {
            let report: RunnerReport = try await ask(job, seconds: configuration.limits.seconds + 20)
            // A cancellation that came too late for the job before may have hit this one.
            if report.outcome == .cancelled {
                try Task.checkCancellation()
                continue
            }
            if report.timedOut != true { known[candidate] = report }
            return report
        }
        throw CancellationError()
    }

    /// What the syntax of a candidate and of its tests says.
    ///
    /// - Parameter report: the tests to show as statements.
    public func outline(of candidate: Data, tests report: RunnerReport) async throws -> ProgramOutline {
        let shown = report.tests.map { RunnerQuestion.Shown(id: $0.id, parameters: $0.parameters) }
        return try await ask(
            RunnerQuestion(ask: "outline", bytes: candidate.base64EncodedString(), shown: shown), seconds: 60)
    }

    /// What the interpreter itself suggests for a program that does not parse: programs that do, as UTF-8.
    public func suggestions(for program: Data) async throws -> [String] {
        struct Answer: Decodable { var programs: [String]? }
        let question = RunnerQuestion(ask: "suggest", bytes: program.base64EncodedString())
        let answer: Answer = try await ask(question, seconds: 60)
        return answer.programs ?? []
    }

    /// What a person should know about a repair: literals of the tests in it, what it deletes, code that no test reaches.
    ///
    /// - Parameters:
    ///   - added: the lines of `after` that are new.
    ///   - reached: the lines of `after` that the tests run, where they are known.
    public func warnings(
        before: Data, after: Data, added: [Int] = [], reached: [Int]? = nil
    ) async throws -> [RepairWarning] {
        struct Answer: Decodable { var warnings: [RepairWarning]? }
        var question = RunnerQuestion(
            ask: "compare", bytes: after.base64EncodedString(), before: before.base64EncodedString())
        question.added = added
        question.reached = reached
        let answer: Answer = try await ask(question, seconds: 60)
        return answer.warnings ?? []
    }

    /// Sends a message to a free runner. A runner that breaks is replaced, and the message sent once more.
    private func ask<Answer: Decodable & Sendable>(
        _ question: some Encodable, seconds: Double
    ) async throws -> Answer {
        await enter()
        defer { leave() }
        let message = try JSONEncoder().encode(question)
        var reason = ""
        for _ in 0..<2 {
            try Task.checkCancellation()
            if isShutDown { throw CancellationError() }
            let process = try await takeProcess()
            do {
                let data = try await process.exchange(message, seconds: seconds)
                let answer = try JSONDecoder().decode(Answer.self, from: data)
                if isShutDown { process.close() } else { idle.append(process) }
                return answer
            } catch let failure as RunnerProcess.Failure {
                reason = failure.reason
            } catch let error as DecodingError {
                reason = "\(error)"
            }
            all[ObjectIdentifier(process)] = nil
            process.close()
        }
        throw RunnerError(.broken, "The tests' runner broke twice on the same program (\(reason)).")
    }

    /// Ends all runners.
    public func shutdown() async {
        isShutDown = true
        idle = []
        let processes = all.values
        all = [:]
        for process in processes { process.close() }
        for process in processes { await process.ended() }
        for continuation in waiting { continuation.resume() }
        waiting = []
    }

    private func enter() async {
        if running < configuration.workers {
            running += 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func leave() {
        if waiting.isEmpty { running -= 1 } else { waiting.removeFirst().resume() }
    }

    private func takeProcess() async throws(RunnerError) -> RunnerProcess {
        if let process = idle.popLast() { return process }
        let (process, _) = try await Self.start(configuration, jail)
        all[ObjectIdentifier(process)] = process
        return process
    }

    private static func describe(_ jail: RunnerJail) -> [String] {
        if jail.layer == .copy { return ["no jail: files, network and processes of the user are open to the tests"] }
        return [
            "bubblewrap: own process, network, mount, IPC and host name spaces",
            "read-only: the system, Python with its packages, and the project; home and temporary folders are empty",
            jail.layer == .overlay
                ? "each candidate writes into an overlay of its own"
                : "the project is a copy in memory, restored after each job",
        ]
    }
}
