import Foundation
import StatefulTools

/// What a run knows about the start states that it plays from, and how it chooses the next ones.
struct StartStates: Hashable, Sendable, Codable {
    /// How often a task was solved.
    struct Tally: Hashable, Sendable, Codable {
        var solved = 0.0
        var played = 0.0

        /// Older episodes count half as much each time: the policy that played them is gone.
        mutating func add(_ solved: Double, of played: Double) {
            self.solved = self.solved / 2 + solved
            self.played = self.played / 2 + played
        }

        var rate: Double { (solved + 0.5) / (played + 1) }
    }

    /// By the task's id.
    var tallies: [String: Tally] = [:]
    /// How many tasks were chosen in turn.
    var position = 0

    /// The start states of the next groups: each in turn, or at random with a weight that is greatest at a pass rate of one
    /// half. A task that was never played has this rate.
    mutating func choose(
        _ count: Int, of tasks: [any Tool], byPassRate: Bool, _ random: inout SeededGenerator
    ) -> [any Tool] {
        guard byPassRate else {
            return (0..<count).map { _ in
                defer { position += 1 }
                // The files' order is not random; a stride that shares no factor with their number visits each once.
                let stride = stride(for: tasks.count)
                return tasks[position % tasks.count * stride % tasks.count]
            }
        }
        // Weighted without replacement: the greatest of u^(1/w) (Efraimidis and Spirakis, 2006).
        let keys = tasks.map { task in
            let rate = tallies[task.id]?.rate ?? 0.5
            return pow(random.unit(), 1 / (0.02 + rate * (1 - rate)))
        }
        return keys.indices.sorted { keys[$0] > keys[$1] }.prefix(count).map { tasks[$0] }
    }

    private func stride(for count: Int) -> Int {
        func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
        return (max(1, count * 5 / 8)...count).first { divisor($0, count) == 1 } ?? 1
    }
}

extension SeededGenerator {
    /// A number above 0, up to 1.
    fileprivate mutating func unit() -> Double { (Double(next() >> 11) + 1) * 0x1p-53 }
}
