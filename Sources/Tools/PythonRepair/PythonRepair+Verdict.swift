public import PythonSandbox
public import StatefulTools

extension Verdict {
    /// What the tests' report says about a program.
    public init(_ report: SandboxReport) {
        let checks = report.tests.map { test in
            let values = test.got.flatMap { got in test.want.map { "got \(got), want \($0)" } }
            return Check(
                name: test.name, outcome: test.status.rawValue, note: values ?? test.message ?? test.errorMessage,
                line: test.line ?? report.programError?.line)
        }
        let passing = report.tests.count { $0.status == .passed }
        self.init(
            passed: report.passed, hiddenPassed: report.hiddenTests.isEmpty ? nil : report.hiddenPassed,
            feedback: report.feedback, progress: Double(passing) / Double(max(1, report.tests.count)),
            failure: report.failure, checks: checks, seconds: report.seconds)
    }
}

extension SandboxReport {
    /// The characters of one value that are shown, and the failing tests. Longer ones would fill the context of a small
    /// model, which reads them no better.
    private static let valueLimit = 120
    private static let failuresLimit = 5

    /// What the model is told: every fault with the values compared or the line, as far as the report knows them.
    public var feedback: String {
        if let error = programError {
            let place = error.line.map { " in line \($0)" } ?? ""
            return "\(error.type)\(place): \(error.message.shortened(to: Self.valueLimit))"
        }
        if passed { return tests.count == 1 ? "The test passes." : "All tests pass." }
        if tests.isEmpty { return "There are no tests." }
        let failures = tests.enumerated().filter { $0.element.status != .passed && $0.element.status != .skipped }
        var lines = failures.prefix(Self.failuresLimit).map { "test \($0.offset + 1): \(Self.sentence($0.element))" }
        if failures.count > Self.failuresLimit { lines.append("... (\(failures.count - Self.failuresLimit) more)") }
        return lines.joined(separator: "\n")
    }

    private static func sentence(_ outcome: TestOutcome) -> String {
        func shortened(_ text: String) -> String { text.shortened(to: valueLimit) }
        let place = outcome.line.map { " in line \($0)" } ?? ""
        switch outcome.status {
        case .passed: return "passed"
        case .skipped: return "skipped"
        case .refused: return "refused" + (outcome.message.map { ": \(shortened($0))" } ?? "")
        case .failed:
            if let got = outcome.got, let want = outcome.want {
                return "got \(shortened(got)), want \(shortened(want))"
            }
            return "failed: \(shortened(outcome.message ?? outcome.name))"
        case .error:
            let type = outcome.errorType ?? "error"
            return type + place + ((outcome.errorMessage ?? outcome.message).map { ": \(shortened($0))" } ?? "")
        case .timeout: return "took too long" + place
        case .memory: return "took too much memory" + place
        case .outputLimit: return "printed too much" + place
        case .notRun: return "not run" + (outcome.message.map { ": \(shortened($0))" } ?? "")
        }
    }

    /// How most of the failing visible tests fail (the first of equally many), by Python's names where it has one; nil
    /// when none fails.
    public var failure: String? {
        if let programError { return programError.type }
        var counts: [String: Int] = [:]
        var order: [String] = []
        for test in tests where test.status != .passed && test.status != .skipped {
            let kind =
                switch test.status {
                case .error: test.errorType ?? "Error"
                case .timeout: "Timeout"
                case .memory: "MemoryError"
                case .outputLimit: "OutputLimit"
                case .notRun: "NotRun"
                case .refused: "Refused"
                default: "AssertionError"
                }
            if counts[kind] == nil { order.append(kind) }
            counts[kind, default: 0] += 1
        }
        let most = counts.values.max()
        return order.first { counts[$0] == most }
    }
}
