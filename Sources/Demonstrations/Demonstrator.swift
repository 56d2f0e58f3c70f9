public import PythonSandbox
public import StatefulTools

/// Plays planned steps as an episode and keeps it only if the steps do what they show.
public struct Demonstrator: Sendable {
    /// A played episode that ends in a solved state.
    public struct Played: Hashable, Sendable {
        /// The conversation, the final `### EXIT` included.
        public var messages: [Demonstration.Message]
        /// What the tool says about the start state.
        public var initialVerdict: Verdict
    }

    private let sandbox: PythonSandbox
    private let prompt: PromptStyle

    public init(sandbox: PythonSandbox, prompt: PromptStyle) {
        self.sandbox = sandbox
        self.prompt = prompt
    }

    /// Plays `steps` from the start state, then `### EXIT`. A state that passes ends the episode earlier: a model that
    /// reads that its state passes cannot know of more to do.
    ///
    /// - Returns: nil unless the start fails, each learned step applies, each wrong step leaves the state failing, and
    ///   the end is solved within the episode's turns.
    /// - Throws: `SandboxError`, as ``Tool/judge(in:)``.
    public func play(_ start: any Tool, steps: [Step]) async throws -> Played? {
        let turns = max(10, type(of: start).turns)
        let player = EpisodePlayer(
            policy: ScriptedPolicy(completions: steps.map(\.text)), sandbox: sandbox,
            options: EpisodeOptions(turns: turns, isConstrained: false, prompt: prompt))
        let trace = try await player.play(start, sampling: .commands())
        // `### EXIT` needs a turn of its own.
        guard let initial = trace.initialVerdict, trace.exit == .passed, trace.solved, let last = trace.turns.last,
            trace.turns.count < turns
        else { return nil }
        for (step, turn) in zip(steps, trace.turns) where step.learn ? turn.error != nil : turn.verdict.passed {
            return nil
        }

        var messages = start.messages(initial.feedback, prompt).map { Demonstration.Message($0) }
        var end = start
        var shown = end.state
        for (step, turn) in zip(steps, trace.turns) {
            messages.append(Demonstration.Message(role: .assistant, content: step.text, learn: step.learn))
            if let feedback = turn.feedback { messages.append(Demonstration.Message(role: .user, content: feedback)) }
            shown = end.state
            if let command = turn.command { _ = try? end.apply(command) }
        }
        // The episode ended at the pass, so it did not answer the last step.
        let answer = end.reply(last.verdict.feedback, since: shown, prompt)
        messages.append(Demonstration.Message(role: .user, content: answer))
        messages.append(Demonstration.Message(role: .assistant, content: "### EXIT", learn: true))
        return Played(messages: messages, initialVerdict: initial)
    }
}
