import Foundation

/// Lines over a number, as an SVG that needs nothing but the page's style sheet.
struct LineChart {
    struct Point {
        var x: Double
        var y: Double
        /// An interval around `y`.
        var low: Double?
        var high: Double?
    }

    struct Series {
        var name: String
        /// Which of the page's colours.
        var colour: Int
        var points: [Point]
    }

    var title: String
    var xLabel: String
    var yLabel = ""
    var series: [Series]
    var isPercent = false
    var wholeX = true
    /// Whether the series are single places with a bar each, not lines.
    var scatters = false

    /// Lines of more points are drawn without a mark at each.
    private static let markedPoints = 30
    private static let width = 440.0
    private static let height = 250.0
    private static let left = 46.0
    private static let right = 14.0
    private static let top = 12.0
    private static let bottom = 40.0

    private func value(_ number: Double) -> String { isPercent ? Figure.percent(number) + " %" : Figure.short(number) }

    /// The chart; hovering and arrow keys are the page's script.
    var svg: String {
        let points = series.flatMap(\.points).filter { $0.x.isFinite && $0.y.isFinite }
        if points.isEmpty { return "<p class=\"none\">No values.</p>" }
        let x = Axis(points.map(\.x), from: scatters ? 0 : nil, whole: wholeX)
        let all = points.flatMap { [$0.y, $0.low ?? $0.y, $0.high ?? $0.y] }.filter(\.isFinite)
        let y = isPercent ? Axis(percentUpTo: all.max() ?? 1) : Axis(all)
        // Lines begin and end at the frame; scattered places keep the axis's room.
        let xLow = scatters ? x.low : points.map(\.x).min() ?? x.low
        let xHigh = scatters ? x.high : max(points.map(\.x).max() ?? x.high, xLow + 1e-9)
        let plotWidth = Self.width - Self.left - Self.right
        let plotHeight = Self.height - Self.top - Self.bottom
        func px(_ value: Double) -> Double { Self.left + (value - xLow) / (xHigh - xLow) * plotWidth }
        func py(_ value: Double) -> Double { Self.top + (1 - (value - y.low) / (y.high - y.low)) * plotHeight }
        func n(_ value: Double) -> String { String(format: "%.1f", value) }

        var body = ""
        for tick in y.ticks {
            body += "<line class=\"grid\" x1=\"\(n(Self.left))\" x2=\"\(n(Self.width - Self.right))\" "
            body += "y1=\"\(n(py(tick)))\" y2=\"\(n(py(tick)))\"/>"
            body += "<text class=\"tick\" x=\"\(n(Self.left - 7))\" y=\"\(n(py(tick) + 4))\" "
            body += "text-anchor=\"end\">\(isPercent ? Figure.percent(tick) : Figure.short(tick))</text>"
        }
        for tick in x.ticks where tick >= xLow - 1e-9 && tick <= xHigh + 1e-9 {
            body += "<text class=\"tick\" x=\"\(n(px(tick)))\" y=\"\(n(Self.height - Self.bottom + 17))\" "
            body += "text-anchor=\"middle\">\(Figure.short(tick))</text>"
        }
        body += "<text class=\"axis\" x=\"\(n(Self.left + plotWidth / 2))\" y=\"\(n(Self.height - 5))\" "
        body += "text-anchor=\"middle\">\(escaped(xLabel))</text>"

        let marks = scatters || series.allSatisfy { $0.points.count <= Self.markedPoints }
        var data: [String] = []
        for line in series {
            let points = line.points.filter { $0.x.isFinite && $0.y.isFinite }
            if points.isEmpty { continue }
            let style = "style=\"--c:var(--c\(line.colour))\""
            if scatters {
                for point in points {
                    if let low = point.low, let high = point.high {
                        body += "<line class=\"whisker\" \(style) x1=\"\(n(px(point.x)))\" x2=\"\(n(px(point.x)))\" "
                        body += "y1=\"\(n(py(low)))\" y2=\"\(n(py(high)))\"/>"
                    }
                }
            } else if points.allSatisfy({ $0.low != nil && $0.high != nil }), points.count > 1 {
                let upper = points.map { "\(n(px($0.x))),\(n(py($0.high ?? $0.y)))" }
                let lower = points.reversed().map { "\(n(px($0.x))),\(n(py($0.low ?? $0.y)))" }
                body += "<polygon class=\"band\" \(style) points=\"\((upper + lower).joined(separator: " "))\"/>"
            }
            if !scatters {
                let path = points.map { "\(n(px($0.x))),\(n(py($0.y)))" }.joined(separator: " ")
                body += "<polyline class=\"line\" \(style) points=\"\(path)\"/>"
            }
            if marks {
                for point in points {
                    body +=
                        "<circle class=\"dot\" \(style) cx=\"\(n(px(point.x)))\" cy=\"\(n(py(point.y)))\" r=\"\(scatters ? "6" : "3.5")\"/>"
                }
            }
            let places = points.map { point in
                var text = value(point.y)
                if let low = point.low, let high = point.high { text += " (\(value(low)) to \(value(high)))" }
                return "[\(n(px(point.x))),\(n(py(point.y))),\"\(Figure.short(point.x))\",\"\(text)\"]"
            }
            data.append(
                "{\"n\":\(jsonString(line.name)),\"c\":\(line.colour),\"p\":[\(places.joined(separator: ","))]}")
        }
        let label = "\(title), by \(xLabel)"
        return
            "<svg class=\"chart\" viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\" tabindex=\"0\" "
            + "aria-label=\"\(escaped(label))\" data-x=\"\(escaped(xLabel))\" "
            + "data-s=\"\(escaped("[" + data.joined(separator: ",") + "]"))\">\(body)</svg>"
    }

    /// The numbers of the chart as a table, for those who don't see it.
    var table: String {
        let xs = Set(series.flatMap { $0.points.map(\.x) }).sorted()
        var rows = "<tr><th scope=\"col\">\(escaped(xLabel))</th>"
        rows += series.map { "<th scope=\"col\">\(escaped($0.name))</th>" }.joined() + "</tr>"
        for x in xs {
            rows += "<tr><th scope=\"row\">\(Figure.short(x))</th>"
            for line in series {
                rows += "<td>\(line.points.first { $0.x == x }.map { value($0.y) } ?? "")</td>"
            }
            rows += "</tr>"
        }
        return
            "<details class=\"numbers\"><summary>Numbers</summary><div class=\"scroll\"><table>\(rows)</table></div></details>"
    }
}

/// A string as JSON writes it.
func jsonString(_ text: String) -> String {
    // A string always encodes.
    (try? JSONEncoder().encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
}
