import Foundation

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

    /// For the narrow room beside an axis: `300k`, `2.5M`.
    static func tick(_ value: Double) -> String {
        for (unit, name) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] where abs(value) >= max(unit, 10_000) {
            return decimal(value / unit, places: 1) + name
        }
        return short(value)
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
