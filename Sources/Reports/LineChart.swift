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
        /// A running mean of the points, drawn over them; none where it is empty.
        var smooth: [Point] = []
    }

    var title: String
    var xLabel: String
    var yLabel = ""
    var series: [Series]
    var isPercent = false
    var wholeX = true
    /// Whether the series are single places with a bar each, not lines.
    var scatters = false

    /// What the page's switch between axes calls this one; empty where there is no switch.
    var axis = ""
    /// Whether the switch begins with another axis.
    var isHidden = false

    /// Lines of more points are drawn without a mark at each.
    private static let markedPoints = 30

    private func value(_ number: Double) -> String { isPercent ? Figure.percent(number) + " %" : Figure.short(number) }

    /// The chart in a frame with its title.
    ///
    /// - Parameters:
    ///   - note: HTML beside the title.
    ///   - numbers: whether the values follow as a table.
    func card(legend: Bool = true, note: String = "", numbers: Bool = true) -> String {
        var html = "<figure class=\"card\"><figcaption>\(escaped(title))"
        html += note.isEmpty ? "" : "<span class=\"sub\">\(note)</span>"
        html += "</figcaption>"
        if legend && series.count > 1 {
            html += "<div class=\"legend\">"
            html += series.map { "<span>\(swatch($0.colour))\(escaped($0.name))</span>" }.joined() + "</div>"
        }
        return html + svg + (numbers ? table : "") + "</figure>\n"
    }

    /// The chart; hovering and arrow keys are the page's script.
    var svg: String {
        let points = series.flatMap(\.points).filter { $0.x.isFinite && $0.y.isFinite }
        if points.isEmpty { return "<p class=\"none\">No values.</p>" }
        let plot = Plot(self, points)
        let marks = scatters || series.allSatisfy { $0.points.count <= Self.markedPoints }
        var body = plot.axes(of: self)
        var data: [String] = []
        for line in series {
            let points = line.points.filter { $0.x.isFinite && $0.y.isFinite }
            if points.isEmpty { continue }
            body += plot.drawing(
                of: points, colour: line.colour, scatters: scatters, marks: marks && line.smooth.isEmpty,
                isRaw: !line.smooth.isEmpty)
            if !line.smooth.isEmpty { body += plot.line(line.smooth, colour: line.colour) }
            let places = points.map { point in
                var text = value(point.y)
                if let low = point.low, let high = point.high { text += " (\(value(low)) to \(value(high)))" }
                return "[\(plot.x(point.x)),\(plot.y(point.y)),\"\(Figure.short(point.x))\",\"\(text)\"]"
            }
            data.append(
                "{\"n\":\(jsonString(line.name)),\"c\":\(line.colour),\"p\":[\(places.joined(separator: ","))]}")
        }
        return
            "<svg class=\"chart\"\(axis.isEmpty ? "" : " data-axis=\"\(axis)\"")\(isHidden ? " hidden" : "") viewBox=\"0 0 \(Int(Plot.width)) \(Int(Plot.height))\" role=\"img\" tabindex=\"0\" "
            + "aria-label=\"\(escaped("\(title), by \(xLabel)"))\" data-x=\"\(escaped(xLabel))\" "
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

/// Where values stand in a chart's drawing.
private struct Plot {
    static let width = 440.0
    static let height = 250.0
    private static let left = 46.0
    private static let right = 14.0
    private static let top = 12.0
    private static let bottom = 40.0

    private let xAxis: Axis
    private let yAxis: Axis
    private let xLow: Double
    private let xHigh: Double

    init(_ chart: LineChart, _ points: [LineChart.Point]) {
        let xs = points.map(\.x)
        xAxis = Axis(xs, from: chart.scatters ? 0 : nil, whole: chart.wholeX)
        let all = points.flatMap { [$0.y, $0.low ?? $0.y, $0.high ?? $0.y] }.filter(\.isFinite)
        yAxis = chart.isPercent ? .percent : Axis(all)
        // Lines begin and end at the frame; scattered places keep the axis's room.
        xLow = chart.scatters ? xAxis.low : xs.min() ?? xAxis.low
        xHigh = chart.scatters ? xAxis.high : max(xs.max() ?? xAxis.high, xLow + 1e-9)
    }

    private static func number(_ value: Double) -> String { String(format: "%.1f", value) }

    func x(_ value: Double) -> String {
        let share = (value - xLow) / (xHigh - xLow)
        return Self.number(Self.left + share * (Self.width - Self.left - Self.right))
    }

    func y(_ value: Double, below: Double = 0) -> String {
        let share = 1 - (value - yAxis.low) / (yAxis.high - yAxis.low)
        return Self.number(Self.top + share * (Self.height - Self.top - Self.bottom) + below)
    }

    func axes(of chart: LineChart) -> String {
        let n = Self.number
        var body = ""
        for tick in yAxis.ticks {
            body += "<line class=\"grid\" x1=\"\(n(Self.left))\" x2=\"\(n(Self.width - Self.right))\" "
            body += "y1=\"\(y(tick))\" y2=\"\(y(tick))\"/>"
            body += "<text class=\"tick\" x=\"\(n(Self.left - 7))\" y=\"\(y(tick, below: 4))\" "
            body += "text-anchor=\"end\">\(chart.isPercent ? Figure.percent(tick) : Figure.tick(tick))</text>"
        }
        for tick in xAxis.ticks where tick >= xLow - 1e-9 && tick <= xHigh + 1e-9 {
            body += "<text class=\"tick\" x=\"\(x(tick))\" y=\"\(n(Self.height - Self.bottom + 17))\" "
            body += "text-anchor=\"middle\">\(Figure.tick(tick))</text>"
        }
        let middle = (Self.left + Self.width - Self.right) / 2
        body += "<text class=\"axis\" x=\"\(n(middle))\" y=\"\(n(Self.height - 5))\" "
        return body + "text-anchor=\"middle\">\(escaped(chart.xLabel))</text>"
    }

    func line(_ points: [LineChart.Point], colour: Int, isRaw: Bool = false) -> String {
        let path = points.map { "\(x($0.x)),\(y($0.y))" }.joined(separator: " ")
        return "<polyline class=\"line\(isRaw ? " raw" : "")\" style=\"--c:var(--c\(colour))\" points=\"\(path)\"/>"
    }

    /// One series: a line with its band, or single places with their bars.
    func drawing(of points: [LineChart.Point], colour: Int, scatters: Bool, marks: Bool, isRaw: Bool) -> String {
        let style = "style=\"--c:var(--c\(colour))\""
        var body = ""
        if scatters {
            for point in points {
                guard let low = point.low, let high = point.high else { continue }
                body += "<line class=\"whisker\" \(style) x1=\"\(x(point.x))\" x2=\"\(x(point.x))\" "
                body += "y1=\"\(y(low))\" y2=\"\(y(high))\"/>"
            }
        } else {
            if points.count > 1, points.allSatisfy({ $0.low != nil && $0.high != nil }) {
                let upper = points.map { "\(x($0.x)),\(y($0.high ?? $0.y))" }
                let lower = points.reversed().map { "\(x($0.x)),\(y($0.low ?? $0.y))" }
                body += "<polygon class=\"band\" \(style) points=\"\((upper + lower).joined(separator: " "))\"/>"
            }
            body += line(points, colour: colour, isRaw: isRaw)
        }
        if marks {
            let radius = scatters ? "6" : "3.5"
            for point in points {
                body += "<circle class=\"dot\" \(style) cx=\"\(x(point.x))\" cy=\"\(y(point.y))\" r=\"\(radius)\"/>"
            }
        }
        return body
    }
}
