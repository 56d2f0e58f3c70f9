import Foundation
import RepairTasks

/// The numbers of a training run by name: `metrics.jsonl`, one object a line with `step` and named numbers.
struct Metrics {
    /// Steps in order, each once: a resumed run writes some again, and the last holds.
    var series: [String: [(step: Double, value: Double)]] = [:]

    /// Reads what is there. Lines that are no such object are left out, as the last of a run that was cut off.
    init(file: URL) {
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

    var isEmpty: Bool { series.isEmpty }

    /// A series as at most `count` points: means over equal numbers of steps, each with its least and greatest value.
    static func thinned(_ points: [(step: Double, value: Double)], to count: Int = 200) -> [LineChart.Point] {
        guard points.count > count else { return points.map { .init(x: $0.step, y: $0.value) } }
        return (0..<count).map { bucket in
            let part = points[(bucket * points.count / count)..<((bucket + 1) * points.count / count)]
            let values = part.map(\.value).filter(\.isFinite)
            let mean = values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count)
            return .init(x: part.last?.step ?? 0, y: mean, low: values.min(), high: values.max())
        }
    }

    /// Those that tell most come first.
    static func inOrder(_ names: some Sequence<String>) -> [String] {
        func rank(_ name: String) -> Int {
            let first = ["pass@1", "solved", "reward", "loss", "accuracy", "entropy", "kl", "frac_reward_zero_std"]
            let isEvaluation = name.hasPrefix("eval") || name.hasPrefix("val")
            return (first.firstIndex { name.contains($0) } ?? first.count) * 2 + (isEvaluation ? 0 : 1)
        }
        return names.sorted { (rank($0), $0) < (rank($1), $1) }
    }
}
