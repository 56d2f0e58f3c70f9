import Evaluation
import Foundation
public import StatefulTools

/// Episodes as text for a terminal.
public struct TraceText: Sendable {
    public var hasColour: Bool
    /// The text of each token, where it is known: the model's certainty is then shown token by token.
    public var tokenTexts: [Int: String]
    /// The terminal's columns, which the list and all sentences keep to; nil for a file or a pipe.
    public var columns: Int?

    public init(hasColour: Bool, tokenTexts: [Int: String] = [:], columns: Int? = nil) {
        self.hasColour = hasColour
        self.tokenTexts = tokenTexts
        self.columns = columns
    }

    private func paint(_ text: String, _ style: TerminalText.Style) -> String {
        hasColour ? TerminalText.paint(text, style) : text
    }

    /// Without what would act on a terminal: states and answers are other people's.
    private func plain(_ text: String) -> String { TerminalText.visible(text) }

    /// A sentence or a paragraph, broken between words.
    private func wrapped(_ text: String) -> String {
        columns.map { TerminalText.wrap(text, columns: $0) } ?? text
    }

    /// One line: number, verdict, task, sample, failure, ending, turns and tokens. A narrow terminal shows the end of the
    /// task's id and no tokens.
    public func row(_ number: Int, _ trace: Trace) -> String {
        let verdict =
            trace.solved
            ? paint("solved  ", .green) : trace.passed ? paint("hidden  ", .yellow) : paint("unsolved", .red)
        let name = plain(trace.task) + " #\(trace.sample)"
        let failure = trace.initialVerdict?.failure ?? "-"
        let isNarrow = columns.map { $0 < 130 } == true
        // All that stands beside the name takes 60 columns of a narrow line.
        let width = isNarrow ? max(16, min(44, (columns ?? 80) - 60)) : 44
        let shown = name.count > width ? "…" + name.suffix(width - 1) : pad(name, width)
        let line =
            String(repeating: " ", count: max(0, 4 - "\(number)".count)) + "\(number)  \(verdict)  " + shown + "  "
            + paint(pad(plain(failure), isNarrow ? 16 : 18), .grey) + "  "
            + pad(trace.exit.rawValue, isNarrow ? 11 : 12) + "  " + turns(trace)
            + (isNarrow ? "" : ", \(trace.tokens) tokens")
        return TerminalText.render(line, hasColour: hasColour)
    }

    private func turns(_ trace: Trace) -> String {
        "\(trace.turns.count) \(trace.turns.count == 1 ? "turn" : "turns")"
    }

    private func pad(_ text: String, _ width: Int) -> String {
        text.count > width
            ? text.prefix(width - 1) + "…" : text + String(repeating: " ", count: width - text.count)
    }

    /// The whole episode: task, start state, and each turn with its command, changed lines, verdict and reward.
    ///
    /// - Parameter start: the task's start state, where it is known.
    public func episode(_ number: Int, _ trace: Trace, of start: (any Tool)?) -> String {
        let (rewards, states) = (trace.rewards, trace.statesBefore)
        var lines = [
            paint("── \(number)  \(plain(trace.task)) #\(trace.sample) ", .bold) + String(repeating: "─", count: 20)
        ]
        let (verdict, style): (String, TerminalText.Style) =
            trace.solved
            ? ("solved", .green)
            : trace.passed ? ("passes visible checks, fails hidden ones", .yellow) : ("not solved", .red)
        let summary = wrapped(
            "\(verdict), \(trace.exit.rawValue), \(turns(trace)), \(trace.tokens) tokens, "
                + String(format: "%.1f s, reward %.1f, seed ", trace.seconds, rewards.reduce(0, +)) + "\(trace.seed)")
        lines.append(paint(verdict, style) + summary.dropFirst(verdict.count))
        if let error = trace.error { lines.append(paint(wrapped(plain(error)), .red)) }
        if let prompt = start?.task.prompt, !prompt.isEmpty { lines += ["", wrapped(plain(prompt))] }
        let names = trace.initialVerdict?.checks.map(\.name) ?? []
        lines += names.map { paint("  " + plain($0).replacing("\n", with: "\n  "), .grey) }
        lines += ["", numbered(plain(trace.initialState))]
        if let verdict = trace.initialVerdict { lines.append(text(of: verdict)) }
        for (index, turn) in trace.turns.enumerated() {
            let reward = rewards[index]
            let earned =
                reward == 0 ? "" : paint(String(format: "  reward %+.1f", reward), reward > 0 ? .green : .red)
            lines += ["", paint("turn \(index + 1)", .bold) + earned, written(turn.completion)]
            if let error = turn.error { lines.append(paint(plain(error), .red)) }
            if let after = turn.state { lines += changes(from: states[index], to: after) }
            lines.append(text(of: turn.verdict))
        }
        return TerminalText.render(lines.joined(separator: "\n") + "\n", hasColour: hasColour)
    }

    /// A state of several lines with their numbers.
    private func numbered(_ state: String) -> String {
        var lines = state.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        guard lines.count > 1 else { return state }
        let width = "\(lines.count)".count
        return lines.enumerated().map { index, line in
            let number = "\(index + 1)"
            return paint(String(repeating: " ", count: width - number.count) + number, .grey) + "  " + line
        }.joined(separator: "\n")
    }

    private func changes(from before: String, to after: String) -> [String] {
        // Whether the last line has a line end is of no interest here.
        func ended(_ text: String) -> String { text.hasSuffix("\n") ? text : text + "\n" }
        let diff = unifiedDiff(from: ended(before), to: ended(after), oldName: "", newName: "", context: 1)
        return diff.split(separator: "\n").dropFirst(2).map { line in
            let text = "    " + plain(String(line))
            switch line.first {
            case "+": return paint(text, .green)
            case "-": return paint(text, .red)
            case "@": return paint(text, .grey)
            default: return text
            }
        }
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

    private func text(of verdict: Verdict) -> String {
        let checks = verdict.checks
        // Where no check ran, such as in a program with a syntax error, the feedback says why.
        guard checks.contains(where: { $0.outcome != "notRun" }) else {
            return paint("  " + plain(verdict.feedback), verdict.passed ? .green : .red)
        }
        let passing = checks.count(where: \.passed)
        var text = paint("  \(passing) of \(checks.count) checks pass", verdict.passed ? .green : .red)
        if let hiddenPassed = verdict.hiddenPassed {
            text += hiddenPassed ? paint(", and the hidden ones", .green) : paint(", not the hidden ones", .yellow)
        }
        let notes = checks.enumerated().compactMap { index, check in
            check.passed ? nil : check.note.map { "  check \(index + 1): \(plain($0))" }
        }
        return ([text] + notes.prefix(5).map { paint($0, .grey) }).joined(separator: "\n")
    }
}
