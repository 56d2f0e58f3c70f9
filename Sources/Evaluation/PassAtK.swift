import RepairTasks

/// The chance that at least one of `k` samples solves a task of whose `samples` samples `solved` did: the unbiased
/// estimate 1 − C(n−c, k) / C(n, k) (Chen et al., arXiv 2107.03374).
public func passAtK(samples: Int, solved: Int, k: Int) -> Double {
    precondition(k >= 1 && k <= samples && (0...samples).contains(solved))
    if samples - solved < k { return 1 }
    // As a product, since the binomials overflow.
    var none = 1.0
    for failed in (samples - solved)..<samples { none *= 1 - Double(k) / Double(failed + 1) }
    return 1 - none
}

/// A mean with the 95 % percentile interval of a seeded bootstrap over the values, which here belong to one task each.
public struct Estimate: Hashable, Sendable, Codable {
    public var mean: Double
    public var low: Double
    public var high: Double

    /// Of no values, all three are 0.
    public init(_ values: [Double], seed: UInt64 = 0, resamples: Int = 2_000) {
        guard !values.isEmpty else {
            (mean, low, high) = (0, 0, 0)
            return
        }
        let count = Double(values.count)
        mean = values.reduce(0, +) / count
        var random = SeededGenerator(seed: seed)
        var means: [Double] = []
        for _ in 0..<resamples {
            var sum = 0.0
            for _ in values { sum += values[random.below(values.count)] }
            means.append(sum / count)
        }
        means.sort()
        low = means[Int(Double(resamples) * 0.025)]
        high = means[Int(Double(resamples) * 0.975)]
    }
}
