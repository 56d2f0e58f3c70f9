import Evaluation
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

/// The colour of a run beside its name.
func swatch(_ index: Int) -> String { "<i class=\"swatch\" style=\"--c:var(--c\(index % 8))\"></i>" }

/// A bar with its interval on a track of 0 to `most`.
func bar(_ estimate: Estimate, of most: Double, colour: Int) -> String {
    bar(estimate.mean, of: most, low: estimate.low, high: estimate.high, colour: colour)
}

/// A bar on a track of 0 to `most`.
func bar(_ value: Double, of most: Double, low: Double = 0, high: Double = 0, colour: Int = 0) -> String {
    func share(_ value: Double) -> String { String(format: "%.2f%%", 100 * min(1, max(0, value / most))) }
    return "<span class=\"bar\" style=\"--c:var(--c\(colour % 8));--v:\(share(value));"
        + "--l:\(share(low));--h:\(share(high))\" aria-hidden=\"true\"><i></i><b></b></span>"
}

/// A string as JSON writes it.
func jsonString(_ text: String) -> String {
    // A string always encodes.
    (try? JSONEncoder().encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
}
