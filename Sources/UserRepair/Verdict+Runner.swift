public import StatefulTools
public import UserRunner

extension Verdict {
    /// What the user's runner says about a program, for a model.
    ///
    /// - Parameters:
    ///   - shown: the tests as the model sees them.
    ///   - hidden: the ids of tests that the model does not see; they decide about ``Verdict/hiddenPassed``.
    public init(_ report: RunnerReport, shown: ShownTests, hidden: Set<String> = []) {
        let isHidden = { (test: RunnerTest) in hidden.contains(test.id) }
        let counted = report.tests.filter { !["skipped", "xfailed", "xpassed"].contains($0.outcome) }
        let visible = counted.filter { !isHidden($0) }
        let failing = report.failing.filter { !isHidden($0) }
        let ran = visible.contains(where: \.passed)
        let passed =
            report.passed
            || !hidden.isEmpty && failing.isEmpty && ran && report.timedOut != true
                && !visible.contains { $0.outcome == "notRun" } && report.failing.contains(where: isHidden)
        let passing = visible.count(where: \.passed)
        self.init(
            passed: passed, hiddenPassed: hidden.isEmpty ? nil : report.passed,
            feedback: passed ? "All tests pass." : report.feedback(failing, shown),
            progress: passed ? 1 : min(0.99, Double(passing) / Double(max(1, visible.count))),
            failure: passed ? nil : report.program?.type ?? failing.first?.type ?? "AssertionError",
            checks: visible.map { test in
                Check(
                    name: test.id, outcome: test.outcome,
                    note: test.got.flatMap { got in test.want.map { "got \(got), want \($0)" } }
                        ?? test.message, line: test.programLine)
            }, seconds: report.seconds ?? 0)
    }
}

extension RunnerReport {
    /// As in the feedback that models are trained on.
    private static let valueLimit = 120
    private static let failuresLimit = 5

    /// What the model is told, in the words of its training: `test 1: got 3, want 4`.
    func feedback(_ failing: [RunnerTest], _ shown: ShownTests) -> String {
        func short(_ text: String?) -> String { (text ?? "").shortened(to: Self.valueLimit) }
        if let program {
            let place = program.line.map { " in line \($0)" } ?? ""
            return "\(program.type ?? "Error")\(place): \(short(program.message))"
        }
        guard !failing.isEmpty else {
            let last = (output ?? "").split(whereSeparator: \.isNewline).suffix(5).joined(separator: "\n")
            return [sentence, last.isEmpty ? nil : last].compactMap { $0 }.joined(separator: "\n")
        }
        var lines = failing.enumerated().prefix(Self.failuresLimit).map { index, test in
            "test \(shown.number(of: test) ?? index + 1): \(Self.words(test, short))"
        }
        if failing.count > Self.failuresLimit { lines.append("... (\(failing.count - Self.failuresLimit) more)") }
        return lines.joined(separator: "\n")
    }

    private static func words(_ test: RunnerTest, _ short: (String?) -> String) -> String {
        let place = test.programLine.map { " in line \($0)" } ?? ""
        if test.outcome == "timeout" { return "took too long" + place }
        if let got = test.got, let want = test.want, test.type == "AssertionError" || test.programLine == nil {
            return "got \(short(got)), want \(short(want))"
        }
        if test.type == "AssertionError", test.programLine == nil {
            return "failed: \(short(test.testSource ?? test.message))"
        }
        return (test.type ?? "error") + place + (test.message.map { ": \(short($0))" } ?? "")
    }
}
