import Episodes
import LineEditor
import PythonSandbox
import RepairTasks

/// One client's episodes, one after the other.
actor EnvironmentSession {
    let id: String
    private let environment: Environment
    private var episode: Episode?
    private var episodeID = ""
    private var totalReward = 0.0
    private var isBusy = false
    private var lastUsed = ContinuousClock.now

    /// What all sessions share.
    struct Environment: Sendable {
        var tasks: EnvironmentTasks
        var options: EnvironmentOptions
        var sandbox: PythonSandbox
        var queue: FairQueue
        var metrics: Metrics
    }

    init(id: String, environment: Environment) {
        self.id = id
        self.environment = environment
    }

    /// Seconds since the last call; nil while one runs.
    var idleSeconds: Double? { isBusy ? nil : (ContinuousClock.now - lastUsed) / .seconds(1) }

    /// Whether an episode has begun and is not over.
    var isPlaying: Bool { episode.map { $0.exit == nil } ?? false }

    var state: SessionState {
        lastUsed = .now
        return SessionState(
            episodeID: episode == nil ? nil : episodeID, stepCount: episode?.turns.count ?? 0,
            taskID: episode?.task.id, done: episode?.exit != nil)
    }

    /// Begins an episode, whatever became of the last one.
    func reset(_ request: ResetRequest, timeout: Double? = nil) async throws(WireError) -> StepResult {
        try begin()
        defer { finish() }
        let options = environment.options
        if let id = request.taskID, !environment.tasks.contains(id) {
            throw WireError(.execution, "There is no task \(Prompt.quoted(id)) in this server's set.")
        }
        let seed = request.seed ?? .random(in: 0 ... .max)
        var messages: [ChatMessage] = []
        var next: Episode?
        // Faults that change nothing the tests see make no task; another draw may do better.
        for attempt in 0..<8 {
            let task: RepairTask
            if let given = request.task {
                task = given
                try check(given)
            } else {
                task = environment.tasks.draw(
                    id: request.taskID, seed: seed, attempt: attempt, faults: options.faults)
            }
            var episode = Episode(task: task, options: options.episode, limits: options.limits)
            messages = []
            if case .test(let job) = episode.start() {
                if case .respond(let prompt) = episode.receive(try await test(job, timeout)) { messages = prompt }
            }
            next = episode
            guard episode.report?.passed == true, request.task == nil, environment.tasks.needsFaults(id: task.id)
            else { break }
        }
        guard let next else { throw WireError(.execution, "No task could be drawn.") }
        episode = next
        episodeID = request.episodeID ?? randomID()
        totalReward = 0
        environment.metrics.count("coe_resets_total")
        if let exit = next.exit { environment.metrics.count("coe_episodes_total", ["exit": exit.rawValue]) }
        return StepResult(observation: observation(of: next, messages: messages), reward: nil, done: next.exit != nil)
    }

    /// Takes one command. After an error the episode is as before.
    func step(_ action: EnvironmentAction, timeout: Double? = nil) async throws(WireError) -> StepResult {
        try begin()
        defer { finish() }
        guard var next = episode else {
            throw WireError(.execution, "No episode has begun: send a reset first.")
        }
        if let exit = next.exit {
            throw WireError(.execution, "The episode is over (\(exit.rawValue)): send a reset to begin the next.")
        }
        try checkGrowth(of: next.program, by: action.command)
        let start = ContinuousClock.now
        var messages: [ChatMessage] = []
        switch next.receive(Completion(text: action.command)) {
        case .test(let job):
            if case .respond(let answer) = next.receive(try await test(job, timeout)) { messages = answer }
        case .respond(let answer): messages = answer
        case .end: break
        }
        let reward = next.turns.last?.reward ?? 0
        totalReward += reward
        episode = next
        environment.metrics.observe("coe_step_seconds", (ContinuousClock.now - start) / .seconds(1))
        if let exit = next.exit { environment.metrics.count("coe_episodes_total", ["exit": exit.rawValue]) }
        return StepResult(
            observation: observation(of: next, messages: messages), reward: reward, done: next.exit != nil)
    }

    /// The last observation again, for clients that lost it.
    func observe() throws(WireError) -> Observation {
        lastUsed = .now
        guard let episode else { throw WireError(.execution, "No episode has begun: send a reset first.") }
        return observation(of: episode, messages: [])
    }

    // MARK: -

    private func begin() throws(WireError) {
        if isBusy {
            var error = WireError(.execution, "Another call of this session is still running; wait for its answer.")
            error.isBusy = true
            throw error
        }
        isBusy = true
    }

    private func finish() {
        isBusy = false
        lastUsed = .now
    }

    private func test(_ job: SandboxJob, _ timeout: Double?) async throws(WireError) -> SandboxReport {
        let (sandbox, queue) = (environment.sandbox, environment.queue)
        let key = id
        do {
            return try await within(timeout) { try await queue.run(for: key) { try await sandbox.run(job) } }
        } catch let error as SandboxError where error.code == .unusableTests {
            throw WireError(.execution, error.description)
        } catch let error as WireError {
            throw error
        } catch is CancellationError {
            throw WireError(.session, "The client has left.")
        } catch {
            // The words of other faults may name paths of this machine.
            environment.metrics.count("coe_sandbox_faults_total")
            throw WireError(.execution, "The sandbox failed; this is a fault of the server, not of the program.")
        }
    }

    private func observation(of episode: Episode, messages: [ChatMessage]) -> Observation {
        let report = episode.report
        let turn = episode.turns.count
        return Observation(
            messages: messages, program: episode.program.text, feedback: report.map(Prompt.feedback) ?? "",
            error: episode.turns.last?.error, testsPassed: report?.tests.count { $0.status == .passed } ?? 0,
            testsTotal: report?.tests.count ?? 0, passed: report?.passed ?? false,
            solved: episode.exit == nil ? nil : report.map { $0.passed && $0.hiddenPassed } ?? false, turn: turn,
            turnsLeft: max(0, episode.options.maxTurns - turn), exit: episode.exit, totalReward: totalReward,
            taskID: episode.task.id, episodeID: episodeID)
    }

    private func check(_ task: RepairTask) throws(WireError) {
        var bytes = task.program.utf8.count
        switch task.tests {
        case .statements(let statements): bytes += statements.reduce(0) { $0 + $1.utf8.count }
        case .file(let source, _), .doctests(let source): bytes += source.utf8.count
        }
        bytes += task.hiddenTests.reduce(0) { $0 + $1.utf8.count }
        bytes += (task.setup ?? "").utf8.count + (task.prelude ?? "").utf8.count + task.prompt.utf8.count
        let limit = 2 * environment.options.programBytes
        if bytes > limit {
            throw WireError(.execution, "The task is too large: program, tests and text may have \(limit) bytes.")
        }
        if !task.moduleName.utf8.allSatisfy({
            $0 == 0x5F || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0)
                || (0x61...0x7A).contains($0)
        }) {
            throw WireError(.execution, "The task's module_name may hold letters, digits and underscores only.")
        }
    }

    /// Refuses a command before it is carried out when its result would be too large.
    private func checkGrowth(of program: ProgramText, by text: String) throws(WireError) {
        let limit = environment.options.programBytes
        var bytes = program.lines.reduce(0) { $0 + $1.utf8.count + 1 } + text.utf8.count
        if case .substitute(let line, let old, let new)? = try? Command(parsing: text),
            program.lines.indices.contains(line - 1), !old.isEmpty
        {
            bytes += program.lines[line - 1].utf8.count / old.utf8.count * new.utf8.count
        }
        if bytes > limit {
            throw WireError(
                .execution, "The program would grow beyond \(limit) bytes; the command was not carried out.")
        }
    }
}

/// The result of `body`, or an error when it takes longer; nil waits for ever.
private func within<Result: Sendable>(
    _ seconds: Double?, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    guard let seconds else { return try await body() }
    return try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask(operation: body)
        group.addTask {
            try await Task.sleep(for: .seconds(min(seconds, 86_400)))
            throw WireError(.execution, "The step was not done within \(seconds) seconds; the episode is as before.")
        }
        defer { group.cancelAll() }
        guard let result = try await group.next() else { throw CancellationError() }
        return result
    }
}

/// 128 random bits in hexadecimal: an id of a session opens it, so it must not be guessed.
func randomID() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<2).map { _ in
        let digits = String(generator.next() as UInt64, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
}

extension Prompt {
    /// What a client sent, short enough to be said back.
    static func quoted(_ text: String) -> String {
        "\"\(text.prefix(80))\(text.count > 80 ? "…" : "")\""
    }
}
