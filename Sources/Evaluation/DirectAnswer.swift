public import Episodes
public import PythonSandbox
public import RepairTasks

/// The baseline `direct`: the whole corrected program in one answer.
public enum DirectAnswer {
    public static let instruction = """
        You are an expert Python programmer who fixes all mistakes in a program. Answer with the whole corrected \
        program in one ```python block.
        """

    /// What the model is told: the same task, tests and feedback as an episode's opening, the program as plain text.
    public static func messages(for task: RepairTask, report: SandboxReport) -> [ChatMessage] {
        [
            ChatMessage(role: .system, content: instruction),
            ChatMessage(
                role: .user,
                content: Prompt.opening(task) + "```python\n\(task.program)\n```\n***\n" + Prompt.feedback(report)),
        ]
    }

    /// The program in an answer: the longest block fenced as Python or as nothing, one that is cut off included;
    /// without any fence the whole answer.
    public static func program(in answer: String) -> String {
        var blocks: [[Substring]] = []
        var isOpen = false
        var isPython = false
        for line in answer.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
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
        guard let longest = blocks.max(by: { $0.count < $1.count }) else { return answer }
        return longest.joined(separator: "\n") + "\n"
    }

    /// Lets the policy answer once and tests the answer.
    public static func play(
        _ task: RepairTask, sample: Int, sampling: SamplingParameters, policy: any Policy, sandbox: PythonSandbox,
        limits: SandboxLimits, maxTokens: Int
    ) async throws -> Trace {
        let start = ContinuousClock.now
        let initial = try await sandbox.run(task.job(program: task.program, limits: limits))
        var turns: [Turn] = []
        var program = task.program
        var report = initial
        var exit = EpisodeExit.answered
        var failure: String?
        do {
            let session = try await policy.beginSession(
                messages: messages(for: task, report: initial), sampling: sampling, maxTokens: maxTokens)
            let completion: Completion
            do {
                completion = try await session.respond()
            } catch {
                await session.end()
                throw error
            }
            await session.end()
            program = self.program(in: completion.text)
            report = try await sandbox.run(task.job(program: program, limits: limits))
            turns = [Turn(answer: completion, report: report, program: program)]
        } catch let error as PolicyError where error.code == .contextFull {
            exit = .contextFull
            failure = error.description
        }
        return Trace(
            task: task.id, sample: sample, seed: sampling.seed, method: "direct", policy: policy.name,
            initialProgram: task.program, initialReport: initial, turns: turns, finalProgram: program,
            finalReport: report, exit: exit, error: failure, seconds: (ContinuousClock.now - start) / .seconds(1))
    }
}
