/// Best-first search over a tool's states: the policy proposes commands, the verdict says how near a state is.
///
/// 1. A greedy episode; its states are the first of the graph.
/// 2. Until a state passes or the budget is spent: the state with the best priority is shown like the start of an episode, and
///    ``width`` commands are sampled in it. Equal states are one, each is judged once, and a command that was tried in a state
///    is not tried there again.
public struct SearchPlayer: Sendable {
    /// Who plays the greedy episode, and the policy, the judge and the rules of the rest.
    public var episodes: EpisodePlayer
    /// The most commands, those of the greedy episode included.
    public var budget: Int
    /// The commands that are sampled in a state at once.
    public var width = 8
    /// The temperature of these samples.
    public var temperature = 1.0

    public init(_ episodes: EpisodePlayer, budget: Int = 80) {
        self.episodes = episodes
        self.budget = budget
    }

    /// Searches until a state passes or the budget is spent.
    ///
    /// - Parameters:
    ///   - start: The state to search from.
    ///   - sample: The search's number among those of its task, for the trace.
    ///   - seed: Decides everything that is drawn.
    ///   - attempts: Episodes that were played already, in place of the greedy one. They cost nothing.
    ///   - observe: Is told of each new state, with the turn that led to it.
    /// - Returns: The way to the best state, with what the whole search cost.
    /// - Throws: As ``EpisodePlayer/play(_:sample:sampling:observe:)``.
    public func play(
        _ start: any Tool, sample: Int = 0, seed: UInt64 = 0, after attempts: [(trace: Trace, start: any Tool)]? = nil,
        observe: @Sendable (Turn?, any Tool, Verdict) -> Void = { _, _, _ in }
    ) async throws -> Trace {
        let begin = ContinuousClock.now
        var seeds = SeededGenerator(seed: seed)
        var graph = SearchGraph()
        var figures = SearchFigures()
        var first = attempts ?? []
        if attempts == nil {
            var episodes = episodes
            episodes.options.turns = min(episodes.options.turns, budget)
            episodes.options.endsAtFirstPass = true
            let trace = try await episodes.play(
                start, sample: sample, sampling: .commands(seed: seeds.next()), observe: observe)
            first = [(trace, start)]
            figures.count(trace.turns.map(\.completion))
        }
        for (trace, start) in first { graph.add(trace, from: start) }
        var exit = graph.best?.verdict.passed == true ? EpisodeExit.passed : .turnLimit
        if graph.nodes.isEmpty { graph.add(start, try await episodes.judge(start), path: []) }
        while exit != .passed, figures.commands < budget, let place = graph.next {
            try Task.checkCancellation()
            let count = min(width, budget - figures.commands)
            let drawn = try await draw(graph.nodes[place], (0..<count).map { _ in seeds.next() })
            if drawn.isEmpty {
                exit = .contextFull
                break
            }
            figures.count(drawn)
            if try await follow(drawn, from: place, &graph, observe) { exit = .passed }
        }
        figures.states = graph.nodes.count
        let best = graph.best
        var trace = Trace(
            start: start, sample: sample, seed: seed, method: "search", policy: episodes.policy.name,
            initialVerdict: graph.nodes.first?.verdict, turns: best?.path ?? [], exit: exit)
        trace.rules = episodes.options.rewards
        trace.search = figures
        trace.seconds = (ContinuousClock.now - begin) / .seconds(1)
        return trace
    }

    /// Samples commands in a state, side by side; none where the state does not fit the policy's context.
    private func draw(_ node: SearchGraph.Node, _ seeds: [UInt64]) async throws -> [Completion] {
        let messages = node.tool.messages(node.verdict.feedback, episodes.options.prompt)
        var guidance = Guidance(resamples: episodes.options.resamples, draft: node.tool.draft)
        if episodes.options.isConstrained {
            guidance.grammar = node.tool.grammar(allowsExit: false)?.excluding(node.tried)
        }
        let (bound, policy, temperature, maxTokens) = (guidance, episodes.policy, temperature, episodes.maxTokens)
        return try await withThrowingTaskGroup(of: (Int, Completion?).self) { group in
            for (index, seed) in seeds.enumerated() {
                group.addTask {
                    do {
                        let session = try await policy.beginSession(
                            messages: messages, sampling: .commands(temperature: temperature, seed: seed),
                            maxTokens: maxTokens)
                        do {
                            let completion = try await session.respond(bound)
                            await session.end()
                            return (index, completion)
                        } catch {
                            await session.end()
                            throw error
                        }
                    } catch let error as PolicyError where error.code == .contextFull {
                        return (index, nil)
                    }
                }
            }
            var completions = [Completion?](repeating: nil, count: seeds.count)
            for try await (index, completion) in group { completions[index] = completion }
            return completions.compactMap { $0 }
        }
    }

    /// Carries out sampled commands, judges the new states side by side and adds them; true where one passes.
    private func follow(
        _ completions: [Completion], from place: Int, _ graph: inout SearchGraph,
        _ observe: @Sendable (Turn?, any Tool, Verdict) -> Void
    ) async throws -> Bool {
        let node = graph.nodes[place]
        var commands: [String] = []
        var children: [(turn: Turn, tool: any Tool)] = []
        for completion in completions {
            var tool = node.tool
            guard let command = try? tool.read(completion.text), !commands.contains(command) else { continue }
            commands.append(command)
            guard !node.tried.contains(command), let effect = try? tool.apply(command),
                effect == .changed || effect == .cosmetic
            else { continue }
            children.append(
                (
                    Turn(
                        completion: completion, command: command, effect: effect, state: tool.state,
                        verdict: node.verdict),
                    tool
                ))
        }
        graph.visit(place, trying: commands)
        var unknown: [String: any Tool] = [:]
        for child in children where graph.verdict(of: child.tool.state) == nil {
            unknown[child.tool.state] = child.tool
        }
        let verdicts = try await verdicts(of: unknown)
        var passes = false
        for child in children {
            let known = graph.verdict(of: child.tool.state)
            guard let verdict = known ?? verdicts[child.tool.state] else { continue }
            var turn = child.turn
            turn.verdict = verdict
            graph.add(child.tool, verdict, path: node.path + [turn])
            if known == nil { observe(turn, child.tool, verdict) }
            passes = passes || verdict.passed
        }
        return passes
    }

    /// Judges states side by side.
    private func verdicts(of states: [String: any Tool]) async throws -> [String: Verdict] {
        let judge = episodes.judge
        return try await withThrowingTaskGroup(of: (String, Verdict).self) { group in
            for (state, tool) in states { group.addTask { (state, try await judge(tool)) } }
            var verdicts: [String: Verdict] = [:]
            for try await (state, verdict) in group { verdicts[state] = verdict }
            return verdicts
        }
    }
}
