import Episodes
public import LineEditor
public import PythonSandbox
public import RepairTasks

/// Plays planned steps through the episode's own state machine, so that a demonstration is what an episode is, and
/// keeps it only if it does what it shows.
public struct Demonstrator: Sendable {
    /// One answer of the assistant.
    public struct Step: Hashable, Sendable {
        public var text: String
        /// Whether it is right; a wrong one is there to be recovered from.
        public var learn: Bool

        public init(_ command: Command, learn: Bool = true) { self.init(command.description, learn: learn) }

        /// What need not be a command.
        init(_ text: String, learn: Bool) {
            self.text = text
            self.learn = learn
        }
    }

    /// The messages of an episode, and what the tests said at its start.
    public struct Played: Hashable, Sendable {
        public var messages: [Demonstration.Message]
        public var initialReport: SandboxReport
    }

    private let cache: JobCache
    private let options: EpisodeOptions

    public init(cache: JobCache, state: StateForm) {
        self.cache = cache
        options = EpisodeOptions(prompt: state.prompt)
    }

    /// Plays `steps` on the task's program, then EXIT. A state in which all tests pass ends the episode earlier.
    ///
    /// - Returns: nil unless the start fails, each right step applies, each wrong step leaves the program failing, and
    ///   the end passes the visible and the hidden tests, within the episode's turns.
    public func play(_ task: RepairTask, steps: [Step], limits: SandboxLimits) async throws -> Played? {
        var episode = Episode(task: task, options: options, limits: limits)
        var remaining = steps[...]
        var messages: [Demonstration.Message] = []
        var action = episode.start()
        while true {
            switch action {
            case .test(let job):
                let report = try await cache.run(job)
                action = episode.receive(report)
                if episode.turns.isEmpty && report.passed { return nil }
            case .respond(let new):
                if let turn = episode.turns.last {
                    let learn = messages.last?.learn ?? true
                    if learn ? turn.error != nil : turn.report.passed { return nil }
                }
                messages += new.map { Demonstration.Message(role: $0.role, content: $0.content) }
                var step = remaining.popFirst()
                if episode.report?.passed == true {
                    // A model told that all tests pass can't know of more to do.
                    if episode.report?.hiddenPassed == false { return nil }
                    step = nil
                } else if step == nil {
                    return nil
                }
                let answer = step ?? Step(.exit)
                let completion = Completion(text: answer.text)
                messages.append(
                    Demonstration.Message(role: .assistant, content: completion.text, learn: answer.learn))
                action = episode.receive(completion)
            case .end:
                guard episode.exit == .exit, let initialReport = episode.initialReport else { return nil }
                return Played(messages: messages, initialReport: initialReport)
            }
        }
    }
}

extension SandboxReport {
    /// The kind of the first fault, by Python's names where it has one; nil when all visible tests pass.
    public var failure: String? {
        if let programError { return programError.type }
        guard let test = tests.first(where: { $0.status != .passed && $0.status != .skipped }) else { return nil }
        switch test.status {
        case .failed: return "AssertionError"
        case .error: return test.errorType ?? "Error"
        case .timeout: return "Timeout"
        case .memory: return "MemoryError"
        case .outputLimit: return "OutputLimit"
        default: return "NotRun"
        }
    }
}
