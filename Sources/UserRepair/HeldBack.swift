public import UserRunner

/// Tests that the model does not see and that decide in the end: a third of four or more.
public enum HeldBack {
    /// The ids. At least one failing test stays visible.
    public static func ids(in report: RunnerReport, kind: TestKind) -> Set<String> {
        // The examples of a doctest stand in the program itself; a command has no tests of its own.
        guard kind != .doctest, kind != .command else { return [] }
        let counted = report.tests.filter { $0.passed || $0.isFailing }.filter { $0.phase != "collect" }
        guard counted.count >= 4, Set(counted.map(\.id)).count == counted.count else { return [] }
        let failing = counted.filter(\.isFailing)
        let order = failing + counted.filter(\.passed)
        var chosen: Set<String> = []
        for (place, test) in order.enumerated() where place % 3 == 2 && chosen.count < counted.count / 3 {
            chosen.insert(test.id)
        }
        return chosen
    }
}
