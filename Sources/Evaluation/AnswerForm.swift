public import Episodes
public import PythonSandbox
public import RepairTasks

/// How a model is asked for a whole program. Which form suits a model is a matter of its family and is measured.
public enum AnswerForm: String, CaseIterable, Hashable, Sendable, Codable {
    /// The same task, tests and feedback as an episode's opening, after an instruction.
    case feedback
    /// The faulty program, its tests, and the request to fix it: HumanEvalFix's form (Muennighoff et al.,
    /// arXiv 2308.07124), in which others report small models' repair rates.
    case fix

    public static let instruction = """
        You are an expert Python programmer who fixes all mistakes in a program. Answer with the whole corrected \
        program in one ```python block.
        """
    public static let thinkingInstruction = """
        You are an expert Python programmer who fixes all mistakes in a program. First think step by step in words: \
        what the program does, why the tests fail, and what must change. Then answer with the whole corrected program \
        in one ```python block.
        """

    /// What the model is told.
    ///
    /// - Parameters:
    ///   - report: what the tests say about the faulty program.
    ///   - thinks: whether it is to reason in words first.
    public func messages(for task: RepairTask, report: SandboxReport, thinks: Bool) -> [ChatMessage] {
        let program = "```python\n\(task.program)\n```\n"
        switch self {
        case .feedback:
            return [
                ChatMessage(role: .system, content: thinks ? Self.thinkingInstruction : Self.instruction),
                ChatMessage(
                    role: .user, content: Prompt.opening(task) + program + "***\n" + Prompt.feedback(report)),
            ]
        case .fix:
            let opening = Prompt.opening(task)
            let tests = opening.firstRange(of: "Tests:").map { String(opening[$0.lowerBound...]) } ?? ""
            let request =
                thinks
                ? "Think step by step about why the tests fail, then write the whole corrected program."
                : "Fix the bugs in this program. Write the whole corrected program."
            return [
                ChatMessage(
                    role: .user, content: program + tests.replacing("Program:\n", with: "") + "\n" + request)
            ]
        }
    }
}
