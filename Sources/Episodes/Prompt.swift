public import LineEditor
public import PythonSandbox
public import RepairTasks

/// What the model is told: instruction, task, state and feedback, in words that fit small models.
///
/// The layout is the paper's (instruction, task, tests, snippet with numbers, `***`, feedback); the wording is ours.
public struct Prompt: Hashable, Sendable, Codable {
    public var numbering: NumberingStyle
    /// Whether the instruction stands first. An adapter knows the commands without, and two fifths of the tokens of a
    /// short demonstration are saved.
    public var instructs: Bool
    /// Whether worked examples stand before the task, for a model that was not trained on the commands.
    public var workedExamples: Bool
    /// Whether after the first turn the lines around the change are shown alone, for fewer tokens.
    public var changesOnly: Bool
    /// Whether messages stand below one another as plain lines, without the markup of a chat.
    public var isPlainText: Bool

    public init(
        numbering: NumberingStyle = .compact, instructs: Bool = true, workedExamples: Bool = true,
        changesOnly: Bool = false, isPlainText: Bool = false
    ) {
        self.numbering = numbering
        self.instructs = instructs
        self.workedExamples = workedExamples
        self.changesOnly = changesOnly
        self.isPlainText = isPlainText
    }

    /// What older run folders lack has the value that their prompts had.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        numbering = try container.decode(NumberingStyle.self, forKey: .numbering)
        instructs = try container.decodeIfPresent(Bool.self, forKey: .instructs) ?? true
        workedExamples = try container.decode(Bool.self, forKey: .workedExamples)
        changesOnly = try container.decode(Bool.self, forKey: .changesOnly)
        isPlainText = try container.decodeIfPresent(Bool.self, forKey: .isPlainText) ?? false
    }

    /// The characters of tests, of one value and of one message that are shown. Longer ones would fill the context of
    /// a small model, which reads them no better.
    static let testsLimit = 1_500
    static let valueLimit = 120
    static let failuresLimit = 5

    public static let instruction = """
        You are an expert Python programmer who fixes all mistakes in a program. You may interact with it only by \
        these commands, one in each answer:
        ### DELL <n> deletes line n
        ### ADDL <n> >>><content> inserts a line before line n
        ### REPL <n> >>><content> replaces line n
        ### REPW <n> >>><old> >>><new> replaces the string old by new in line n
        ### EXIT stops, when all tests pass
        """

    /// The conversation up to the model's first command.
    public func messages(for task: RepairTask, report: SandboxReport) -> [ChatMessage] {
        var messages = instructs ? [ChatMessage(role: .system, content: Self.instruction)] : []
        if workedExamples { messages += WorkedExample.all.flatMap { $0.messages(numbering) } }
        messages.append(
            ChatMessage(
                role: .user,
                content: Self.opening(task)
                    + state(ProgramText(task.program), feedback: Self.feedback(report))))
        return messages
    }

    /// The task and its tests, before the program.
    public static func opening(_ task: RepairTask) -> String {
        var text = task.prompt.isEmpty ? "" : "Task: \(task.prompt)\n"
        switch task.tests {
        case .statements(let statements):
            text += "Tests:\n" + shown(statements)
        case .file(let source, _):
            text += "Tests:\n" + shown(source.split(separator: "\n").map(String.init))
        case .doctests:
            text += "Tests: the examples in the program's documentation\n"
        }
        return text + "Program:\n"
    }

    private static func shown(_ lines: [String]) -> String {
        var text = ""
        for (index, line) in lines.enumerated() {
            // At least one, so that the model has something to go by.
            if index > 0, text.utf8.count + line.utf8.count > testsLimit {
                return text + "... (\(lines.count - index) more)\n"
            }
            text += shortened(line, to: testsLimit) + "\n"
        }
        return text
    }

    /// The program with its line numbers, `***`, and what the tests say.
    public func state(_ program: ProgramText, feedback: String) -> String {
        let lines = program.numbered(numbering)
        return (lines.isEmpty ? "" : lines + "\n") + "***\n" + feedback
    }

    /// What answers a command that made `program` of `before`: the state, or the changed lines with a line around them
    /// and their new numbers, `***`, and what the tests say.
    public func state(_ program: ProgramText, after before: ProgramText, feedback: String) -> String {
        if !changesOnly { return state(program, feedback: feedback) }
        let old = before.lines.map { Array($0.utf8) }
        let new = program.lines.map { Array($0.utf8) }
        if old == new { return "***\n" + feedback }
        var head = 0
        while head < min(old.count, new.count), old[head] == new[head] { head += 1 }
        var tail = 0
        while tail < min(old.count, new.count) - head, old[old.count - 1 - tail] == new[new.count - 1 - tail] {
            tail += 1
        }
        let numbered = program.numbered(numbering).split(separator: "\n", omittingEmptySubsequences: false)
        let shown = numbered[max(0, head - 1)..<min(new.count, new.count - tail + 1)]
        return shown.map { $0 + "\n" }.joined() + "***\n" + feedback
    }

    /// What the tests say: every fault with the values compared or the line, as far as the report knows them.
    public static func feedback(_ report: SandboxReport) -> String {
        if let error = report.programError {
            let place = error.line.map { " in line \($0)" } ?? ""
            return "\(error.type)\(place): \(shortened(error.message))"
        }
        if report.passed { return report.tests.count == 1 ? "The test passes." : "All tests pass." }
        if report.tests.isEmpty { return "There are no tests." }
        let failures = report.tests.enumerated().filter {
            $0.element.status != .passed && $0.element.status != .skipped
        }
        var lines = failures.prefix(failuresLimit).map { "test \($0.offset + 1): \(sentence($0.element))" }
        if failures.count > failuresLimit { lines.append("... (\(failures.count - failuresLimit) more)") }
        return lines.joined(separator: "\n")
    }

    private static func sentence(_ outcome: TestOutcome) -> String {
        let place = outcome.line.map { " in line \($0)" } ?? ""
        switch outcome.status {
        case .passed: return "passed"
        case .skipped: return "skipped"
        case .failed:
            if let got = outcome.got, let want = outcome.want {
                return "got \(shortened(got)), want \(shortened(want))"
            }
            return "failed" + (outcome.message.map { ": \(shortened($0))" } ?? ": \(shortened(outcome.name))")
        case .error:
            let type = outcome.errorType ?? "error"
            return type + place + ((outcome.errorMessage ?? outcome.message).map { ": \(shortened($0))" } ?? "")
        case .timeout: return "took too long" + place
        case .memory: return "took too much memory" + place
        case .outputLimit: return "printed too much" + place
        case .notRun: return "not run" + (outcome.message.map { ": \(shortened($0))" } ?? "")
        }
    }

    /// One line of at most `limit` characters; the middle goes, since both ends tell values apart.
    static func shortened(_ text: String, to limit: Int = valueLimit) -> String {
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        return line.count <= limit ? line : "\(line.prefix(limit * 2 / 3))...\(line.suffix(limit / 3))"
    }
}
