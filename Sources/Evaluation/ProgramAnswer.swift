public import Episodes
public import PythonSandbox
public import RepairTasks

/// Baselines whose answer is a whole program: `direct`, `think` and `resample`.
public struct ProgramAnswer: Sendable {
    public var policy: any Policy
    public var sandbox: PythonSandbox
    public var form: AnswerForm
    public var method: EvaluationMethod
    public var limits: SandboxLimits
    /// The most tokens of one answer.
    public var maxTokens: Int

    public init(
        policy: any Policy, sandbox: PythonSandbox, form: AnswerForm = .feedback, method: EvaluationMethod = .direct,
        limits: SandboxLimits = SandboxLimits(), maxTokens: Int = 768
    ) {
        self.policy = policy
        self.sandbox = sandbox
        self.form = form
        self.method = method
        self.limits = limits
        self.maxTokens = maxTokens
    }

    /// The program in an answer: of what follows the reasoning, the longest block fenced as Python or as nothing, one
    /// that is cut off included; without any fence the whole answer.
    ///
    /// Reasoning that ends with `</think>`, as models trained on such traces write it, is left out.
    public static func program(in answer: String) -> String {
        let tag = "</think>"
        let conclusion = answer.ranges(of: tag).last.map { answer[$0.upperBound...] } ?? answer[...]
        var blocks: [[Substring]] = []
        var isOpen = false
        var isPython = false
        for line in conclusion.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            let trimmed = line.drop { $0 == " " || $0 == "\t" }
            if trimmed.hasPrefix("```") {
                let tag = trimmed.dropFirst(3).lowercased().filter { !$0.isWhitespace }
                isPython = !isOpen && ["", "python", "python3", "py"].contains(tag)
                isOpen.toggle()
                if isPython { blocks.append([]) }
            } else if isOpen && isPython {
                blocks[blocks.count - 1].append(line)
            }
        }
        // Of equally long ones the first: a model that repeats itself is cut off in the last.
        guard let longest = blocks.max(by: { $0.count < $1.count }) else { return String(conclusion) }
        return longest.joined(separator: "\n") + "\n"
    }

    /// Lets the policy answer, and tests the answer: once, or with a `budget` until a program passes the visible tests
    /// or at least that many tokens are written.
    ///
    /// With a budget, whose last answer may exceed it, each answer is a turn, and the last is the final one.
    public func play(
        _ task: RepairTask, sample: Int = 0, sampling: SamplingParameters, budget: Int? = nil
    ) async throws -> Trace {
        let start = ContinuousClock.now
        let initial = try await sandbox.run(task.job(program: task.program, limits: limits))
        let messages = form.messages(for: task, report: initial, thinks: method == .think)
        var turns: [Turn] = []
        var program = task.program
        var report = initial
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
                program = Self.program(in: completion.text)
                report = try await sandbox.run(task.job(program: program, limits: limits))
                turns.append(Turn(answer: completion, report: report, program: program))
                // A policy that knows no tokens counts as one a character, so that every budget ends.
                tokens += completion.tokenIDs.isEmpty ? max(1, completion.text.count) : completion.tokenIDs.count
            } while tokens < budget ?? 0 && !report.passed
        } catch let error as PolicyError where error.code == .contextFull {
            exit = .contextFull
            failure = error.description
        }
        return Trace(
            task: task.id, sample: sample, seed: sampling.seed, method: method.rawValue, policy: policy.name,
            initialProgram: task.program, initialReport: initial, turns: turns, finalProgram: program,
            finalReport: report, exit: exit, error: failure, seconds: (ContinuousClock.now - start) / .seconds(1))
    }

    private func answer(_ messages: [ChatMessage], _ sampling: SamplingParameters) async throws -> Completion {
        let session = try await policy.beginSession(messages: messages, sampling: sampling, maxTokens: maxTokens)
        do {
            let completion = try await session.respond(within: nil)
            await session.end()
            return completion
        } catch {
            await session.end()
            throw error
        }
    }
}
