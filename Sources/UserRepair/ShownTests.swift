public import UserRunner

/// The tests as the model sees them: plain statements, numbered by their asserts, the failing ones first.
///
/// Models are trained on lists of asserts and on feedback that numbers them; test functions and classes would be new to
/// them.
public struct ShownTests: Hashable, Sendable {
    /// The statements, one or more lines each.
    public private(set) var statements: [String] = []
    /// The number of the assert at a line of a test: `numbers[id][line]`.
    private var numbers: [String: [ClosedRange<Int>: Int]] = [:]
    /// The number of a test's first assert.
    private var first: [String: Int] = [:]
    private var count = 0

    /// - Parameters:
    ///   - outline: the tests' statements.
    ///   - report: how the tests end now.
    ///   - hidden: the ids of tests that are not shown.
    public init(_ outline: ProgramOutline, _ report: RunnerReport, hidden: Set<String> = []) {
        let failing = Set(report.failing.map(\.id))
        let shown = outline.tests.filter { !hidden.contains($0.id) && !$0.statements.isEmpty }
        for test in shown.filter({ failing.contains($0.id) }) + shown.filter({ !failing.contains($0.id) }) {
            add(test)
        }
    }

    private mutating func add(_ test: ProgramOutline.Test) {
        for statement in test.statements {
            // What fixtures make may stand there already.
            if statement.line > 0 || !statements.contains(statement.text) { statements.append(statement.text) }
            guard statement.tests else { continue }
            count += 1
            if first[test.id] == nil { first[test.id] = count }
            numbers[test.id, default: [:]][statement.line...max(statement.line, statement.last)] = count
        }
        if first[test.id] == nil {
            count += 1
            first[test.id] = count
        }
    }

    /// The number of the assert that a test fails at; nil for a test that is not shown.
    public func number(of test: RunnerTest) -> Int? {
        let own = numbers[test.id] ?? numbers.first { test.id.hasPrefix($0.key + " ") }?.value
        if let line = test.testLine, let number = own?.first(where: { $0.key.contains(line) })?.value { return number }
        return first[test.id] ?? first.first { test.id.hasPrefix($0.key + " ") }?.value
    }
}
