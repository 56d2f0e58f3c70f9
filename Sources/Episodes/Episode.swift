public import LineEditor
public import PythonSandbox
public import RepairTasks

/// The Chain-of-Edits loop over one task, as a pure state machine: it says what is to be done next, and is told what
/// came of it. It never waits, so that a runner, a trainer and a server can all drive it.
///
///     var episode = Episode(task: task)
///     var action = episode.start()
///     // .test(job)         → run it:        action = episode.receive(report)
///     // .respond(messages) → let a policy:  action = episode.receive(completion)
///     // .end               → episode.exit, episode.turns
public struct Episode: Sendable {
    /// What is to be done next.
    public enum Action: Sendable {
        /// Run the tests and hand in their report.
        case test(SandboxJob)
        /// Add the messages to the conversation, let the policy write, and hand in its completion.
        case respond([ChatMessage])
        /// Nothing; the episode is over.
        case end
    }

    public let task: RepairTask
    public let options: EpisodeOptions
    public private(set) var program: ProgramText
    /// What the tests say about the program as it was given.
    public private(set) var initialReport: SandboxReport?
    public private(set) var turns: [Turn] = []
    /// How the episode ended; nil while it runs.
    public private(set) var exit: EpisodeExit?
    /// The commands already given for each program, by its digest.
    private var tried: [String: Set<Command>] = [:]
    /// A turn whose program is being tested.
    private var pending: Turn?
    /// The program in the last message to the model.
    private var shown: ProgramText
    private let limits: SandboxLimits

    public init(task: RepairTask, options: EpisodeOptions = EpisodeOptions(), limits: SandboxLimits = SandboxLimits()) {
        self.task = task
        self.options = options
        self.limits = limits
        program = ProgramText(task.program)
        shown = program
    }

    /// What the tests say about the program as it is.
    public var report: SandboxReport? { turns.last?.report ?? initialReport }

    /// Whether some state so far passed all visible tests.
    public var hasPassed: Bool { initialReport?.passed == true || turns.contains { $0.report.passed } }

    /// What the policy may write next: only commands that the program can take and that were not tried on it before,
    /// and no EXIT as long as tests fail where passing ends the episode anyway. Nil where it is free.
    public var grammar: CommandGrammar? {
        guard options.isConstrained else { return nil }
        return CommandGrammar(
            program: program, allowsExit: report?.passed == true || !options.endsAtFirstPass,
            excluded: tried[programDigest(program.text)] ?? [], redraws: options.redraws)
    }

    /// The first action.
    public func start() -> Action { .test(task.job(program: program.text, limits: limits)) }

    /// Takes the report on the job of the last action.
    public mutating func receive(_ report: SandboxReport) -> Action {
        guard exit == nil else { return .end }
        if let turn = pending {
            pending = nil
            return finish(turn, report)
        }
        precondition(initialReport == nil, "no test was asked for")
        initialReport = report
        if options.endsAtFirstPass && report.passed {
            exit = .passed
            return .end
        }
        return .respond(options.prompt.messages(for: task, report: report))
    }

    /// Takes what the policy wrote. A completion that is no command costs its turn and is answered with what is wrong.
    public mutating func receive(_ completion: Completion) -> Action {
        guard exit == nil else { return .end }
        guard let report, pending == nil else { preconditionFailure("a report is awaited, not a completion") }
        var turn = Turn(
            completion: completion, report: report, reward: 0, programDigest: programDigest(program.text))
        do {
            let command = try Command(parsing: completion.text)
            turn.command = command
            tried[turn.programDigest, default: []].insert(command)
            let before = program
            try program.apply(command)
            if command == .exit {
                exit = .exit
                turns.append(turn)
                return .end
            }
            if program == before {
                // Nothing to test: what the tests say depends on the program alone.
                turn.error = "the command changed nothing"
                return finish(turn, report)
            }
            turn.programDigest = programDigest(program.text)
            pending = turn
            return .test(task.job(program: program.text, limits: limits))
        } catch {
            turn.error = error.description
            turn.reward += error.isMalformed ? options.rewards.malformed : options.rewards.inapplicable
            return finish(turn, report)
        }
    }

    /// Ends the episode for a reason outside of it.
    public mutating func end(_ reason: EpisodeExit) {
        guard exit == nil else { return }
        exit = reason
        if !turns.isEmpty { turns[turns.count - 1].reward += options.rewards.noExit }
    }

    private mutating func finish(_ turn: Turn, _ report: SandboxReport) -> Action {
        var turn = turn
        turn.report = report
        if report.passed && !hasPassed { turn.reward += options.rewards.firstPass }
        if options.endsAtFirstPass && report.passed {
            exit = .passed
        } else if turns.count + 1 >= options.maxTurns {
            exit = .turnLimit
            turn.reward += options.rewards.noExit
        }
        if exit != nil {
            turns.append(turn)
            return .end
        }
        var feedback = Prompt.feedback(report)
        if let error = turn.error {
            feedback = "Error: \(Prompt.shortened(error, to: 300))\n\(feedback)"
        }
        let message = options.prompt.state(program, after: shown, feedback: feedback)
        shown = program
        turn.feedback = message
        turns.append(turn)
        return .respond([ChatMessage(role: .user, content: message)])
    }
}
