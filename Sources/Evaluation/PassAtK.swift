import StatefulTools

/// The chance that at least one of `k` samples solves a task, estimated without bias from `solved` of `samples`:
/// 1 − C(n−c, k) / C(n, k) (Chen et al., arXiv 2107.03374).
public func passAtK(samples: Int, solved: Int, k: Int) -> Double {
    precondition(k >= 1 && k <= samples && (0...samples).contains(solved))
    if samples - solved < k { return 1 }
    // As a product, since the binomials overflow.
    var none = 1.0
    for failed in (samples - solved)..<samples { none *= 1 - Double(k) / Double(failed + 1) }
    return 1 - none
}

/// What became of one task's samples.
struct TaskResult: Hashable, Sendable {
    /// Episodes that were played.
    var episodes = 0
    var solved = 0

    /// The chance that one of `k` samples is solved; nil where fewer were played.
    func pass(_ k: Int) -> Double? {
        episodes >= k ? passAtK(samples: episodes, solved: solved, k: k) : nil
    }
}

extension EvaluationRun {
    /// The results by task; nothing for a task of which no episode was played.
    var results: [String: TaskResult] {
        let known = Set(tasks.map(\.id))
        var results: [String: TaskResult] = [:]
        for trace in traces where known.contains(trace.task) {
            results[trace.task, default: TaskResult()].episodes += 1
            if trace.solved { results[trace.task]?.solved += 1 }
        }
        return results
    }
}
