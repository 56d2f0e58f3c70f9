import PythonSandbox
import StatefulTools

/// One client's episodes, one after the other.
actor EnvironmentSession {
    let id: String
    private let key: FairQueue.Key
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

    /// - Parameter key: By which the session shares the sandbox.
    init(id: String, key: FairQueue.Key, environment: Environment) {
        self.id = id
        self.key = key
        self.environment = environment
    }

    /// Seconds since the last call; nil while one runs.
    var idleSeconds: Double? { isBusy ? nil : (ContinuousClock.now - lastUsed) / .seconds(1) }

    /// Whether a call runs, or an episode has begun and is not over.
    var isPlaying: Bool { isBusy || episode.map { $0.exit == nil } ?? false }

    var state: SessionState {
        lastUsed = .now
        return SessionState(
            episodeID: episode == nil ? nil : episodeID, stepCount: episode?.turns.count ?? 0,
            taskID: episode?.start.id, done: episode?.exit != nil)
    }

    /// Begins an episode, whatever became of the last one.
    func reset(_ request: ResetRequest, deadline: Deadline = .never) async throws(WireError) -> StepResult {
        try begin()
        defer { finish() }
        let seed = request.seed ?? .random(in: 0 ... .max)
        var messages: [ChatMessage] = []
        var next: Episode?
        // Faults that change nothing that the tests see make no task; another attempt may do better.
        for attempt in 0..<8 {
            let draw =
                if let task = request.task {
                    EnvironmentTasks.Draw(tool: try environment.tasks.start(task), isRandom: false)
                } else {
                    try environment.tasks.draw(id: request.taskID, seed: seed, attempt: attempt)
                }
            var episode = Episode(draw.tool, options: environment.options.episode)
            messages = try await advance(&episode, episode.begin(), deadline)
            next = episode
            guard draw.isRandom, episode.verdict?.passed == true else { break }
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
    func step(_ action: EnvironmentAction, deadline: Deadline = .never) async throws(WireError) -> StepResult {
        try begin()
        defer { finish() }
        guard var next = episode else {
            throw WireError(.execution, "No episode has begun: send a reset first.")
        }
        if let exit = next.exit {
            throw WireError(.execution, "The episode is over (\(exit.rawValue)): send a reset to begin the next.")
        }
        let start = ContinuousClock.now
        let messages = try await advance(&next, next.receive(Completion(text: action.command)), deadline)
        let reward = next.lastReward
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

    /// Judges where the episode asks for it; the messages for the player.
    private func advance(
        _ episode: inout Episode, _ action: Episode.Action, _ deadline: Deadline
    ) async throws(WireError) -> [ChatMessage] {
        var action = action
        if case .judge(let tool) = action { action = episode.receive(try await judge(tool, deadline)) }
        if case .respond(let messages) = action { return messages }
        return []
    }

    private func judge(_ tool: any Tool, _ deadline: Deadline) async throws(WireError) -> Verdict {
        let (sandbox, queue) = (environment.sandbox, environment.queue)
        let key = key
        do {
            return try await deadline.run {
                try await queue.run(for: key) { try await tool.judge(in: sandbox) }
            }
        } catch let error as SandboxError where error.code == .unusableTests {
            throw WireError(.execution, error.description)
        } catch let error as WireError {
            throw error
        } catch is CancellationError {
            throw WireError(.session, "The client has left.")
        } catch {
            // The words of other faults may name paths of this machine.
            environment.metrics.count("coe_sandbox_faults_total")
            throw WireError(.execution, "The sandbox failed; this is a fault of the server, not of the task.")
        }
    }

    private func observation(of episode: Episode, messages: [ChatMessage]) -> Observation {
        let verdict = episode.verdict
        let turn = episode.turns.count
        return Observation(
            messages: messages, state: episode.tool.state, feedback: verdict?.feedback ?? "",
            error: episode.turns.last?.error, passed: verdict?.passed ?? false,
            solved: episode.exit == nil ? nil : verdict?.solved ?? false, progress: verdict?.progress ?? 0,
            checksPassed: verdict?.checks.count(where: \.passed) ?? 0, checksTotal: verdict?.checks.count ?? 0,
            turn: turn, turnsLeft: max(0, episode.options.turns - turn), exit: episode.exit, totalReward: totalReward,
            taskID: episode.start.id, episodeID: episodeID, tool: type(of: episode.start).name)
    }
}

extension Episode {
    /// What the last turn earned. The charge for an end without EXIT is due at the end alone.
    fileprivate var lastReward: Double {
        var trace = Trace(self)
        trace.exit = exit ?? .exit
        return trace.rewards.last ?? 0
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
