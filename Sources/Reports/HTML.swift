import Foundation

/// Text for a page: every character that HTML reads is written as an entity.
func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        case "'": result += "&#39;"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// Numbers as people read them.
enum Figure {
    /// A share as percent without its sign: `4.2`, `100`.
    static func percent(_ share: Double) -> String { decimal(100 * share, places: 1) }

    /// `1,234`, `12.3`, `0.0042`: about three significant digits, without an exponent where that is readable.
    static func short(_ value: Double) -> String {
        if !value.isFinite { return "–" }
        let size = abs(value)
        if size >= 1_000_000_000 || (size > 0 && size < 0.0001) { return String(format: "%.2g", value) }
        if size >= 100 { return grouped(Int(value.rounded())) }
        let places = size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4
        return decimal(value, places: places)
    }

    static func grouped(_ number: Int) -> String {
        var digits = String(number.magnitude)
        var parts: [String] = []
        while digits.count > 3 {
            parts.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return (number < 0 ? "−" : "") + ([digits] + parts).joined(separator: ",")
    }

    static func signed(_ value: Double, places: Int = 1) -> String {
        (value > 0 ? "+" : value < 0 ? "−" : "") + decimal(abs(value), places: places)
    }

    static func probability(_ p: Double) -> String {
        p < 0.001 ? "&lt; 0.001" : p >= 0.9995 ? "1" : String(format: "%.3f", p)
    }

    private static func decimal(_ value: Double, places: Int) -> String {
        var text = String(format: "%.\(places)f", value)
        if text.contains(".") {
            while text.last == "0" { text.removeLast() }
            if text.last == "." { text.removeLast() }
        }
        return text == "-0" ? "0" : text.replacing("-", with: "−")
    }
}

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
        while index * step <= self.high + step * 1e-6 {
            ticks.append(index * step)
            index += 1
        }
    }

    /// Shares from 0 to the first round one above `most`.
    init(percentUpTo most: Double) {
        let choices = [(0.05, 0.01), (0.1, 0.02), (0.2, 0.05), (0.4, 0.1), (0.6, 0.1), (0.8, 0.2), (1, 0.2)]
        let (high, step) = choices.first { $0.0 >= most * 1.02 } ?? (1, 0.2)
        low = 0
        self.high = high
        ticks = (0...Int((high / step).rounded())).map { Double($0) * step }
    }
}
