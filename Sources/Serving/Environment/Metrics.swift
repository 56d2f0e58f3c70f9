import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Counters and durations, written as Prometheus reads them (text format 0.0.4).
final class Metrics: Sendable {
    private struct Histogram {
        var counts = [Int](repeating: 0, count: Metrics.buckets.count)
        var sum = 0.0
        var count = 0
    }

    private struct State {
        /// By name, then by labels as written.
        var counters: [String: [String: Int]] = [:]
        var histograms: [String: Histogram] = [:]
    }

    private let state = Mutex(State())
    /// Seconds.
    private static let buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

    /// Label values come from a few fixed sets, never from a client, so that they don't grow.
    func count(_ name: String, _ labels: KeyValuePairs<String, String> = [:]) {
        let text = labels.map { "\($0)=\"\($1)\"" }.joined(separator: ",")
        state.withLock { $0.counters[name, default: [:]][text, default: 0] += 1 }
    }

    func observe(_ name: String, _ seconds: Double) {
        state.withLock { state in
            var histogram = state.histograms[name] ?? Histogram()
            for (index, bound) in Self.buckets.enumerated() where seconds <= bound { histogram.counts[index] += 1 }
            histogram.sum += seconds
            histogram.count += 1
            state.histograms[name] = histogram
        }
    }

    func value(_ name: String) -> Int {
        state.withLock { $0.counters[name]?.values.reduce(0, +) ?? 0 }
    }

    /// - Parameter gauges: values of this moment.
    func text(gauges: [(name: String, value: Int)]) -> String {
        let state = state.withLock { $0 }
        var lines: [String] = []
        for (name, value) in gauges { lines += ["# TYPE \(name) gauge", "\(name) \(value)"] }
        for (name, values) in state.counters.sorted(by: { $0.key < $1.key }) {
            lines.append("# TYPE \(name) counter")
            for (labels, value) in values.sorted(by: { $0.key < $1.key }) {
                lines.append(name + (labels.isEmpty ? "" : "{\(labels)}") + " \(value)")
            }
        }
        for (name, histogram) in state.histograms.sorted(by: { $0.key < $1.key }) {
            lines.append("# TYPE \(name) histogram")
            for (bound, count) in zip(Self.buckets, histogram.counts) {
                lines.append("\(name)_bucket{le=\"\(bound)\"} \(count)")
            }
            lines.append("\(name)_bucket{le=\"+Inf\"} \(histogram.count)")
            lines += ["\(name)_sum \(histogram.sum)", "\(name)_count \(histogram.count)"]
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Bytes of this process in memory, where /proc tells.
    static var residentBytes: Int? {
        guard let file = fopen("/proc/self/statm", "r") else { return nil }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 128)
        guard fgets(&buffer, 128, file) != nil else { return nil }
        let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let numbers = text.split(separator: " ")
        return numbers.count > 1 ? Int(numbers[1]).map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) } : nil
    }
}
