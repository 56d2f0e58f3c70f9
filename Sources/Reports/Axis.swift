import Foundation

/// The ticks of an axis: round numbers that cover a range.
struct Axis {
    var low: Double
    var high: Double
    var ticks: [Double]

    /// - Parameter whole: whether only whole numbers make sense.
    init(_ values: [Double], from least: Double? = nil, to most: Double? = nil, whole: Bool = false) {
        var low = least ?? values.min() ?? 0
        var high = most ?? values.max() ?? 1
        if low == high {
            let space = max(abs(low) * 0.1, whole ? 1 : 0.001)
            low -= least == nil ? space : 0
            high += space
        }
        let rough = (high - low) / 4
        let power = pow(10, floor(log10(rough)))
        var step = [1.0, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 } ?? rough
        if whole { step = max(1, step.rounded()) }
        // Where an end is not given, the axis ends at a tick.
        self.low = least ?? (low / step).rounded(.down) * step
        self.high = most ?? (high / step).rounded(.up) * step
        ticks = []
        var index = (self.low / step).rounded(.up)
        // Beyond 2⁵³ a step may be too small to come forward.
        while index * step <= self.high + step * 1e-6, ticks.count < 20 {
            ticks.append(index * step)
            index += 1
        }
    }

    /// Shares from 0 to 100 %, so that charts can be compared.
    static let percent = Axis([0, 1], from: 0, to: 1)
}
