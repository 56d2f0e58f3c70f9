public import StatefulTools

/// How a model is asked for the whole program, and how the program is found in its answer.
extension PythonRepair {
    private static let answerInstruction = """
        You are an expert Python programmer who fixes all mistakes in a program. Answer with the whole corrected \
        program in one ```python block.
        """
    private static let thinkingInstruction = """
        You are an expert Python programmer who fixes all mistakes in a program. First think step by step in words: \
        what the program does, why the tests fail, and what must change. Then answer with the whole corrected program \
        in one ```python block.
        """

    public func question(_ feedback: String, _ form: AnswerForm, thinks: Bool) -> [ChatMessage] {
        let program = "```python\n\(state)\n```\n"
        switch form {
        case .feedback:
            return [
                ChatMessage(role: .system, content: thinks ? Self.thinkingInstruction : Self.answerInstruction),
                ChatMessage(role: .user, content: repair.opening + program + "***\n" + feedback),
            ]
        case .rewrite:
            let task = repair.opening.replacing("Program:\n", with: "")
            let request =
                thinks
                ? "Think step by step about what must change, then write a correct program in one ```python block."
                : "Write a correct program that passes all tests, in one ```python block."
            let content = task + "\nThis program is wrong:\n" + program + "It fails:\n" + feedback + "\n\n" + request
            return [ChatMessage(role: .user, content: content)]
        case .fix:
            let request =
                thinks
                ? "Think step by step about why the tests fail, then write the whole corrected program."
                : "Fix the bugs in this program. Write the whole corrected program."
            return [ChatMessage(role: .user, content: program + repair.shownTests + "\n" + request)]
        }
    }

    /// The program in an answer: the longest block fenced as Python or as nothing behind the reasoning, even when it is
    /// cut off; without any fence the whole answer. Reasoning ends with `</think>`, as models trained on such traces
    /// write it.
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
}
