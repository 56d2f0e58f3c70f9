/// Mean and standard deviation (of a population).
struct Moments: Hashable, Sendable {
    var mean = 0.0
    var deviation = 0.0

    init(_ values: some Sequence<Double>) {
        let values = Array(values)
        guard !values.isEmpty else { return }
        mean = values.reduce(0, +) / Double(values.count)
        let mean = mean
        deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
    }
}
