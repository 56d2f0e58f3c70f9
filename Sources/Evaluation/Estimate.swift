import StatefulTools

/// A mean and its 95 % interval over values that belong to one task each.
public struct Estimate: Hashable, Sendable, Codable {
    public var mean: Double
    public var low: Double
    public var high: Double

    /// With the percentile interval of a seeded bootstrap. Of no values, all three are 0.
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

    /// Of shares from 0 to 1. Where all are 0 or all are 1, a bootstrap knows no spread, and the interval is Wilson's
    /// (1927): 0 of 8 is 0 to 0.32. Of no shares it is 0 to 1.
    public init(shares: [Double], seed: UInt64 = 0) {
        self.init(shares, seed: seed)
        /// Of the normal distribution, for 95 %.
        let z = 1.959964
        let reach = z * z / (Double(shares.count) + z * z)
        if shares.allSatisfy({ $0 == 0 }) {
            high = reach
        } else if shares.allSatisfy({ $0 == 1 }) {
            low = 1 - reach
        }
    }
}
