public import Foundation
import StatefulTools

/// The numbers of a training run by name: `metrics.jsonl`, one JSON object a line with `step` and named numbers.
public struct Metrics: Sendable {
    /// The values of each name in the order of their steps. A resumed run writes some steps again; the last value counts.
    public private(set) var series: [String: [(step: Double, value: Double)]] = [:]

    /// Reads the file, if there is one. Lines that are no such object are skipped, such as the last one of a run that
    /// was killed.
    public init(file: URL) {
        guard let data = try? Data(contentsOf: file) else { return }
        var values: [String: [Double: Double]] = [:]
        let decoder = JSONDecoder()
        for line in data.split(separator: 0x0A) {
            guard case .object(let numbers)? = try? decoder.decode(JSONValue.self, from: Data(line)),
                case .number(let step)? = numbers["step"]
            else { continue }
            for (name, value) in numbers where name != "step" {
                guard case .number(let number) = value else { continue }
                values[name, default: [:]][step] = number
            }
        }
        series = values.mapValues { $0.map { ($0.key, $0.value) }.sorted { $0.step < $1.step } }
    }

    public var isEmpty: Bool { series.isEmpty }

    /// A point of a curve: the mean over some steps, and the least and greatest value where there are several.
    public struct Point: Hashable, Sendable {
        public var step: Double
        public var value: Double
        public var low, high: Double?
    }

    /// A series as at most `count` points, each over an equal number of steps.
    public static func thinned(_ points: [(step: Double, value: Double)], to count: Int = 200) -> [Point] {
        guard points.count > count else { return points.map { Point(step: $0.step, value: $0.value) } }
        return (0..<count).map { bucket in
            let part = points[(bucket * points.count / count)..<((bucket + 1) * points.count / count)]
            let values = part.map(\.value).filter(\.isFinite)
            let mean = values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count)
            return Point(step: part.last?.step ?? 0, value: mean, low: values.min(), high: values.max())
        }
    }

    /// The exponential running mean over a twentieth of the series, corrected for its beginning as Adam's means are.
    public static func smoothed(_ points: [(step: Double, value: Double)]) -> [(step: Double, value: Double)] {
        let keep = 1 - 1 / max(1, Double(points.count) / 20)
        var (sum, weight) = (0.0, 0.0)
        return points.map { step, value in
            if value.isFinite { (sum, weight) = (sum * keep + value, weight * keep + 1) }
            return (step, weight > 0 ? sum / weight : value)
        }
    }

    /// The names with the most telling ones first.
    public static func inOrder(_ names: some Sequence<String>) -> [String] {
        func rank(_ name: String) -> Int {
            let first = ["pass@1", "solved", "reward", "loss", "accuracy", "entropy", "kl", "frac_reward_zero_std"]
            let last = ["learning_rate", "tokens_per_second", "step_time", "num_tokens", "epoch"]
            if let place = last.firstIndex(of: name) { return 100 + place }
            let isEvaluation = name.hasPrefix("eval") || name.hasPrefix("val")
            return (first.firstIndex { name.contains($0) } ?? first.count) * 2 + (isEvaluation ? 0 : 1)
        }
        return names.sorted { (rank($0), $0) < (rank($1), $1) }
    }
}
