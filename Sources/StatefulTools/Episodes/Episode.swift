/// The loop over one task as a pure state machine: it says what to do next, and is told what came of it. It never waits,
/// so that a player, a trainer and a server can all drive it.
///
///     var episode = Episode(tool)
///     var action = episode.begin()
///     // .judge(tool)       → judge it:      action = episode.receive(verdict)
///     // .respond(messages) → ask a policy:  action = episode.receive(completion)
///     // .end               → episode.exit, episode.turns
public struct Episode: Sendable {
    /// What to do next.
    public enum Action: Sendable {
        /// Judge the tool and hand in the verdict.
        case judge(any Tool)
        /// Add the messages to the conversation, let the policy write, and hand in its completion.
        case respond([ChatMessage])
        /// Nothing; the episode is over.
        case end
    }

    /// The tool in its start state.
    public let start: any Tool
    public let options: EpisodeOptions
    /// The tool as it is.
    public private(set) var tool: any Tool
    public private(set) var initialVerdict: Verdict?
    public private(set) var turns: [Turn] = []
    /// How the episode ended; nil while it runs.
    public private(set) var exit: EpisodeExit?
    /// The commands tried in each state.
    private var tried: [String: Set<String>] = [:]
    /// A turn whose state is being judged.
    private var pending: Turn?
    /// The state in the last message to the model.
    private var shown: String

    public init(_ tool: any Tool, options: EpisodeOptions = EpisodeOptions()) {
        start = tool
        self.tool = tool
        self.options = options
        shown = tool.state
    }

    /// What the tool says about the state as it is.
    public var verdict: Verdict? { turns.last?.verdict ?? initialVerdict }

    /// What bounds the policy's next answer: the commands that the state can take and that were not tried in it, and no
    /// EXIT before the state passes where passing ends the episode anyway.
    public var guidance: Guidance {
        var guidance = Guidance(resamples: options.resamples, draft: tool.draft)
        if options.isConstrained {
            let tried = tried[tool.state] ?? []
            guidance.grammar = tool.grammar(allowsExit: verdict?.passed == true || !options.endsAtFirstPass)?
                .excluding(tried)
        }
        return guidance
    }

    /// The first action.
    public func begin() -> Action { .judge(tool) }

    /// Takes the verdict that the last action asked for.
    public mutating func receive(_ verdict: Verdict) -> Action {
        guard exit == nil else { return .end }
        if let turn = pending {
            pending = nil
            return finish(turn, verdict)
        }
        precondition(initialVerdict == nil, "no verdict was asked for")
        initialVerdict = verdict
        if options.endsAtFirstPass && verdict.passed {
            exit = .passed
            return .end
        }
        return .respond(tool.messages(verdict.feedback, options.prompt))
    }

    /// Takes what the policy wrote. A completion that is no command costs its turn and is answered with what is wrong.
    public mutating func receive(_ completion: Completion) -> Action {
        guard exit == nil else { return .end }
        guard let verdict, pending == nil else { preconditionFailure("a verdict is awaited, not a completion") }
        var turn = Turn(completion: completion, verdict: verdict)
        do throws(CommandFault) {
            let command = try tool.read(completion.text)
            turn.command = command
            tried[tool.state, default: []].insert(command)
            turn.effect = try tool.apply(command)
        } catch {
            turn.error = error.description
        }
        if options.rewards.needsDistances, turn.error == nil { turn.distance = tool.distanceToSolution }
        switch turn.effect {
        case .done?:
            exit = .exit
            turns.append(turn)
            return .end
        case .changed?, .cosmetic?:
            turn.state = tool.state
            pending = turn
            return .judge(tool)
        case .unchanged?:
            // The verdict depends on the state alone.
            turn.error = "the command changed nothing"
            return finish(turn, verdict)
        case nil:
            return finish(turn, verdict)
        }
    }

    /// Ends the episode for a reason outside of it.
    public mutating func end(_ reason: EpisodeExit) {
        if exit == nil { exit = reason }
    }

    private mutating func finish(_ turn: Turn, _ verdict: Verdict) -> Action {
        var turn = turn
        turn.verdict = verdict
        if options.endsAtFirstPass && verdict.passed {
            exit = .passed
        } else if turns.count + 1 >= options.turns {
            exit = .turnLimit
        }
        if exit != nil {
            turns.append(turn)
            return .end
        }
        var feedback = verdict.feedback
        if let error = turn.error { feedback = "Error: \(error.shortened(to: 300))\n\(feedback)" }
        let message = tool.reply(feedback, since: shown, options.prompt)
        shown = tool.state
        turn.feedback = message
        turns.append(turn)
        return .respond([ChatMessage(role: .user, content: message)])
    }
}

extension String {
    /// One line of at most `limit` characters; the middle goes, since both ends tell values apart.
    public func shortened(to limit: Int) -> String {
        let line = split(whereSeparator: \.isNewline).joined(separator: " ")
        return line.count <= limit ? line : "\(line.prefix(limit * 2 / 3))...\(line.suffix(limit / 3))"
    }
}
