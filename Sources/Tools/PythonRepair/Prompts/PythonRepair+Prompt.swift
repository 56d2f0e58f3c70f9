import PythonSandbox
public import StatefulTools

/// What the model is told: task, tests, program and feedback. The layout is the paper's (instruction, task, tests, program
/// with line numbers, `***`, feedback); the wording is ours.
extension PythonRepair {
    public static let instruction = """
        You are an expert Python programmer who fixes all mistakes in a program. You may interact with it only by \
        these commands, one in each answer:
        ### DELL <n> deletes line n
        ### ADDL <n> >>><content> inserts a line before line n
        ### REPL <n> >>><content> replaces line n
        ### REPW <n> >>><old> >>><new> replaces the string old by new in line n
        ### EXIT stops, when all tests pass
        """

    public static func examples(_ style: PromptStyle) -> [ChatMessage] {
        WorkedExample.all.flatMap { $0.messages(style) }
    }

    public func opening(_ feedback: String, _ style: PromptStyle) -> String {
        repair.opening + program.shown(feedback: feedback, style, within: shownLines)
    }

    public func reply(_ feedback: String, since shown: String, _ style: PromptStyle) -> String {
        guard style.showsChangesOnly else {
            return program.shown(feedback: feedback, style, within: shownLines)
        }
        return program.shown(since: ProgramText(shown), feedback: feedback, style)
    }
}

extension RepairTask {
    /// The characters of tests that are shown.
    private static let testsLimit = 1_500

    /// The task and its tests, before the program.
    var opening: String {
        (prompt.isEmpty ? "" : "Task: \(prompt)\n") + shownTests + "Program:\n"
    }

    /// The tests under their heading.
    var shownTests: String {
        switch tests {
        case .statements(let statements): "Tests:\n" + Self.shown(statements)
        case .file(let source, _): "Tests:\n" + Self.shown(source.split(separator: "\n").map(String.init))
        case .doctests: "Tests: the examples in the program's documentation\n"
        }
    }

    private static func shown(_ lines: [String]) -> String {
        var text = ""
        for (index, line) in lines.enumerated() {
            // At least one, so that the model has something to go by.
            if index > 0, text.utf8.count + line.utf8.count > testsLimit {
                return text + "... (\(lines.count - index) more)\n"
            }
            text += line.shortened(to: testsLimit) + "\n"
        }
        return text
    }
}

extension ProgramText {
    private func numbered(_ style: PromptStyle) -> [String] {
        lines.enumerated().map { index, line in
            // No space before the content: it would merge with the indentation in the models' tokenizers.
            style.numbersAsPaper ? "L \(index + 1) \(line)" : "\(index + 1)>>>\(line)"
        }
    }

    /// The program, or a part of it, with its line numbers, `***`, and the feedback.
    func shown(feedback: String, _ style: PromptStyle, within window: LineWindow? = nil) -> String {
        var lines = numbered(style)
        if let window { lines = lines.indices.filter { window.contains($0 + 1) }.map { lines[$0] } }
        return lines.map { $0 + "\n" }.joined() + "***\n" + feedback
    }

    /// The lines that changed since `before`, with a line around them and their new numbers, `***`, and the feedback.
    func shown(since before: ProgramText, feedback: String, _ style: PromptStyle) -> String {
        let old = before.lines.map { Array($0.utf8) }
        let new = lines.map { Array($0.utf8) }
        if old == new { return "***\n" + feedback }
        var head = 0
        while head < min(old.count, new.count), old[head] == new[head] { head += 1 }
        var tail = 0
        while tail < min(old.count, new.count) - head, old[old.count - 1 - tail] == new[new.count - 1 - tail] {
            tail += 1
        }
        let shown = numbered(style)[max(0, head - 1)..<min(new.count, new.count - tail + 1)]
        return shown.map { $0 + "\n" }.joined() + "***\n" + feedback
    }
}
