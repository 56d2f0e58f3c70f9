public import PythonSandbox

/// Plays the rivals of a stateful tool, whose answer is the whole solved state: `direct`, `think` and `resample`.
public struct AnswerPlayer: Sendable {
    public var policy: any Policy
    public var sandbox: PythonSandbox
    public var form: AnswerForm
    /// Whether the model is to reason in words first.
    public var thinks: Bool
    /// The most tokens of one answer.
    public var maxTokens: Int

    public init(
        policy: any Policy, sandbox: PythonSandbox, form: AnswerForm = .feedback, thinks: Bool = false,
        maxTokens: Int = 768
    ) {
        self.policy = policy
        self.sandbox = sandbox
        self.form = form
        self.thinks = thinks
        self.maxTokens = maxTokens
    }

    /// Lets the policy answer, and judges the answer: once, or with a `budget` until a state passes or at least that many
    /// tokens are written.
    ///
    /// With a budget, whose last answer may exceed it, each answer is a turn, and the last is the final one.
    public func play(
        _ tool: any Tool, sample: Int = 0, method: String, sampling: SamplingParameters, budget: Int? = nil
    ) async throws -> Trace {
        let start = ContinuousClock.now
        let initial = try await tool.judge(in: sandbox)
        let messages = tool.question(initial.feedback, form, thinks: thinks)
        var turns: [Turn] = []
        var state = tool.state
        var verdict = initial
        var exit = EpisodeExit.answered
        var failure: String?
        var tokens = 0
        var seeds = SeededGenerator(seed: sampling.seed)
        do {
            repeat {
                try Task.checkCancellation()
                var sampling = sampling
                if !turns.isEmpty { sampling.seed = seeds.next() }
                let completion = try await answer(messages, sampling)
                var turn = Turn(completion: completion, verdict: initial)
                if let answered = tool.answered(completion.text) {
                    turn.verdict = try await answered.judge(in: sandbox)
                    turn.effect = answered.state == state ? .unchanged : .changed
                    if turn.effect == .changed { turn.state = answered.state }
                    state = answered.state
                } else {
                    turn.error = "there is no answer in it"
                    if state != tool.state { turn.state = tool.state }
                    state = tool.state
                }
                verdict = turn.verdict
                turns.append(turn)
                // A policy that knows no tokens counts as one a character, so that every budget ends.
                tokens += completion.tokenIDs.isEmpty ? max(1, completion.text.count) : completion.tokenIDs.count
            } while tokens < budget ?? 0 && !verdict.passed
        } catch let error as PolicyError where error.code == .contextFull {
            exit = .contextFull
            failure = error.description
        }
        var trace = Trace(
            start: tool, sample: sample, seed: sampling.seed, method: method, policy: policy.name,
            initialVerdict: initial, turns: turns, exit: exit)
        trace.error = failure
        trace.seconds = (ContinuousClock.now - start) / .seconds(1)
        return trace
    }

    private func answer(_ messages: [ChatMessage], _ sampling: SamplingParameters) async throws -> Completion {
        let session = try await policy.beginSession(messages: messages, sampling: sampling, maxTokens: maxTokens)
        do {
            let completion = try await session.respond(.free)
            await session.end()
            return completion
        } catch {
            await session.end()
            throw error
        }
    }
}
