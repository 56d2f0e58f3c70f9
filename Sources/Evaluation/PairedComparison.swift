public import StatefulTools

/// Two runs over the same tasks, compared task by task, which tells smaller differences apart than their intervals do.
public struct PairedComparison: Hashable, Sendable {
    /// Tasks that both runs hold.
    public var tasks: Int
    /// pass@1 of the first run minus that of the second, with its 95 % bootstrap interval over the tasks.
    public var difference: Estimate
    /// The chance of a difference at least as large, up or down, when the runs are alike: a sign-flip permutation test
    /// over the tasks' differences (exact with up to 16 tasks that differ, else from 20,000 seeded draws).
    public var p: Double
    /// Tasks that the first run solves more often, and less often.
    public var wins: Int
    public var losses: Int

    /// Compares two runs on the tasks they share; nil when there is none.
    public init?(_ first: EvaluationRun, _ second: EvaluationRun, seed: UInt64 = 0) {
        let ours = first.results
        let theirs = second.results
        let differences = first.tasks.compactMap { task -> Double? in
            guard let our = ours[task.id]?.pass(1), let their = theirs[task.id]?.pass(1) else { return nil }
            return our - their
        }
        if differences.isEmpty { return nil }
        self.init(differences: differences, seed: seed)
    }

    init(differences: [Double], seed: UInt64) {
        tasks = differences.count
        difference = Estimate(differences, seed: seed)
        wins = differences.count { $0 > 0 }
        losses = differences.count { $0 < 0 }
        let moved = differences.filter { $0 != 0 }
        // Sums of the same numbers in other orders differ by rounding.
        let observed = abs(moved.reduce(0, +)) - 1e-9
        if moved.count <= 16 {
            let hits = (0..<(1 << moved.count)).count { signs in
                abs(moved.indices.reduce(0.0) { $0 + (signs >> $1 & 1 == 0 ? moved[$1] : -moved[$1]) }) >= observed
            }
            p = Double(hits) / Double(1 << moved.count)
        } else {
            var random = SeededGenerator(seed: seed, stream: 1)
            let draws = 20_000
            var hits = 0
            for _ in 0..<draws {
                var sum = 0.0
                var bits: UInt64 = 0
                for (index, value) in moved.enumerated() {
                    if index % 64 == 0 { bits = random.next() }
                    sum += bits & 1 == 0 ? value : -value
                    bits >>= 1
                }
                if abs(sum) >= observed { hits += 1 }
            }
            // The observed signs are one of the draws, so that p is never 0 (Phipson and Smyth, 2010).
            p = Double(hits + 1) / Double(draws + 1)
        }
    }

    /// The figures as one object.
    public var json: JSONValue {
        .object([
            "tasks": .number(Double(tasks)), "difference": .number(difference.mean),
            "difference_low": .number(difference.low), "difference_high": .number(difference.high), "p": .number(p),
            "wins": .number(Double(wins)), "losses": .number(Double(losses)),
        ])
    }
}
