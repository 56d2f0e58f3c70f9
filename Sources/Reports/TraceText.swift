public import Episodes
import Evaluation
import Foundation
import LineEditor
import PythonSandbox
public import RepairTasks

/// Episodes as text for a terminal.
public struct TraceText: Sendable {
    public var hasColour: Bool
    /// The text of each token, where it is known: the model's certainty is then shown token by token.
    public var tokenTexts: [Int: String]

    public init(hasColour: Bool, tokenTexts: [Int: String] = [:]) {
        self.hasColour = hasColour
        self.tokenTexts = tokenTexts
    }

    private enum Style: String {
        case red = "31"
        case green = "32"
        case yellow = "33"
        case grey = "90"
        case bold = "1"
    }

    private func paint(_ text: String, _ style: Style) -> String {
        hasColour ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Control characters would do things to the terminal; what programs hold is other people's.
    private func plain(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t"
            result.append(isControl ? "\u{FFFD}" : scalar)
        }
        return String(result)
    }

    /// One line: number, verdict, task, sample, failure, ending, turns and tokens.
    public func row(_ number: Int, _ trace: Trace) -> String {
        let verdict =
            trace.solved
            ? paint("solved  ", .green) : trace.visiblePassed ? paint("hidden  ", .yellow) : paint("unsolved", .red)
        let name = plain(trace.task) + " #\(trace.sample)"
        let failure = trace.initialReport?.failureKind ?? "-"
        return String(repeating: " ", count: max(0, 4 - "\(number)".count)) + "\(number)  \(verdict)  "
            + pad(name, 44) + "  " + paint(pad(failure, 18), .grey) + "  " + pad(trace.exit.rawValue, 12)
            + "  \(trace.turns.count) turns, \(trace.tokens) tokens"
    }

    private func pad(_ text: String, _ width: Int) -> String {
        text.count > width
            ? text.prefix(width - 1) + "…" : text + String(repeating: " ", count: width - text.count)
    }

    /// The whole episode: task, program, and each turn with its command, diff, tests and reward.
    public func episode(_ number: Int, _ trace: Trace, _ task: RepairTask?) -> String {
        var lines = [
            paint("── \(number)  \(plain(trace.task)) #\(trace.sample) ", .bold) + String(repeating: "─", count: 20)
        ]
        let verdict =
            trace.solved
            ? paint("solved", .green)
            : trace.visiblePassed
                ? paint("passes what is seen, fails what is hidden", .yellow) : paint("not solved", .red)
        lines.append(
            "\(verdict), \(trace.exit.rawValue), \(trace.turns.count) turns, \(trace.tokens) tokens, "
                + String(format: "%.1f s, reward %.1f, seed ", trace.seconds, trace.reward) + "\(trace.seed)")
        if let error = trace.error { lines.append(paint(plain(error), .red)) }
        if let task, !task.prompt.isEmpty { lines += ["", plain(task.prompt)] }
        if let task, case .statements(let tests) = task.tests {
            lines += tests.map { paint("  " + plain($0).replacing("\n", with: "\n  "), .grey) }
        }
        lines += ["", plain(ProgramText(trace.initialProgram).numbered(.compact))]
        if let report = trace.initialReport { lines.append(verdicts(report)) }

        let edits = trace.method == "coe" || trace.method == "oracle"
        var editor = ProgramText(trace.initialProgram)
        for (index, turn) in trace.turns.enumerated() {
            let before = editor.text
            if !edits {
                editor = ProgramText(ProgramAnswer.program(in: turn.completion.text))
            } else if let command = turn.command {
                try? editor.apply(command)
            }
            let reward =
                turn.reward == 0
                ? "" : paint(String(format: "  reward %+.1f", turn.reward), turn.reward > 0 ? .green : .red)
            lines += ["", paint("turn \(index + 1)", .bold) + reward, written(turn.completion)]
            if let error = turn.error { lines.append(paint(plain(error), .red)) }
            // Whether the last line has a line end is of no interest here.
            func ended(_ text: String) -> String { text.hasSuffix("\n") ? text : text + "\n" }
            let diff = unifiedDiff(from: ended(before), to: ended(editor.text), oldName: "", newName: "", context: 1)
            lines += diff.split(separator: "\n").dropFirst(2).map { line in
                let text = "    " + plain(String(line))
                switch line.first {
                case "+": return paint(text, .green)
                case "-": return paint(text, .red)
                case "@": return paint(text, .grey)
                default: return text
                }
            }
            lines.append(verdicts(turn.report))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What the model wrote; the less sure of a token it was, the warmer its colour.
    private func written(_ completion: Completion) -> String {
        let texts = completion.tokenIDs.compactMap { tokenTexts[$0] }
        guard hasColour, !texts.isEmpty, texts.count == completion.logProbabilities.count else {
            return completion.text.isEmpty ? "(nothing)" : plain(completion.text)
        }
        return zip(texts, completion.logProbabilities).map { text, logProbability in
            switch exp(logProbability) {
            case 0.9...: plain(text)
            case 0.4...: paint(plain(text), .yellow)
            default: paint(plain(text), .red)
            }
        }.joined()
    }

    private func verdicts(_ report: SandboxReport) -> String {
        func one(_ number: Int, _ test: TestOutcome) -> String? {
            test.message.map { "  test \(number): \(plain($0))" }
        }
        if report.programError != nil { return paint("  " + plain(Prompt.feedback(report)), .red) }
        let passing = report.tests.count { $0.status == .passed }
        var text = paint("  \(passing) of \(report.tests.count) tests pass", report.passed ? .green : .red)
        if !report.hiddenTests.isEmpty {
            let hidden = report.hiddenTests.count { $0.status == .passed }
            text += paint(", \(hidden) of \(report.hiddenTests.count) hidden", report.hiddenPassed ? .green : .yellow)
        }
        let messages = report.tests.enumerated().compactMap { one($0.offset + 1, $0.element) }.prefix(5)
        return ([text] + messages.map { paint($0, .grey) }).joined(separator: "\n")
    }
}
