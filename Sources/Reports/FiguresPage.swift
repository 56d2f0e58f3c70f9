/// A page of shares and distributions about anything, such as a data set, in the style of a ``Report``.
public struct FiguresPage {
    private var page: Page
    private var summary = ""
    private var cards = ""

    /// - Parameter lead: a line of text below the title.
    public init(title: String, lead: String) {
        page = Page(title: "Chain-of-Edits", subject: title, heading: title, lead: escaped(lead))
    }

    /// Adds the share of each name as a bar, in the order given; nothing where there is none.
    public mutating func addShares(_ title: String, _ counts: [(name: String, count: Int)]) {
        let total = Double(max(1, counts.reduce(0) { $0 + $1.count }))
        let most = counts.map { Double($0.count) / total }.max() ?? 0
        if most == 0 { return }
        var html = "<figure class=\"card\"><figcaption>\(escaped(title))</figcaption><div class=\"scroll\">"
        html += "<table class=\"kinds\"><tbody>"
        for (name, count) in counts {
            let share = Double(count) / total
            html += "<tr><th scope=\"row\">\(escaped(name))</th><td class=\"wide\">\(bar(share, of: most))</td>"
            html += "<td>\(Figure.percent(share)) %</td><td>\(Figure.grouped(count))</td></tr>"
        }
        cards += html + "</tbody></table></div></figure>\n"
    }

    /// Adds how often each whole number occurs, in up to 40 bins up to the 99th percentile; nothing where there is none.
    public mutating func addDistribution(_ title: String, _ counts: [Int: Int]) {
        let sorted = counts.sorted { $0.key < $1.key }
        let total = sorted.reduce(0) { $0 + $1.value }
        guard total > 0, let low = sorted.first?.key, let most = sorted.last?.key else { return }
        /// The least value that this share of the values does not exceed.
        func quantile(_ share: Double) -> Int {
            var left = max(1, Int((share * Double(total)).rounded(.up)))
            return sorted.first { (_, count) in
                left -= count
                return left <= 0
            }?.key ?? most
        }
        let mean = Double(sorted.reduce(0) { $0 + $1.key * $1.value }) / Double(total)
        summary += "<tr><th scope=\"row\">\(escaped(title))</th><td>\(Figure.short(mean))</td>"
        for value in [quantile(0.5), quantile(0.9), most] { summary += "<td>\(Figure.grouped(value))</td>" }
        summary += "</tr>"
        if sorted.count < 2 { return }
        let high = max(quantile(0.99), low + 1)
        let width = max(1, (high - low + 39) / 40)
        var bins = [Int](repeating: 0, count: (high - low) / width + 1)
        for (value, count) in sorted { bins[min((value - low) / width, bins.count - 1)] += count }
        let points = bins.enumerated().map {
            LineChart.Point(x: Double(low + $0.offset * width), y: Double($0.element))
        }
        let series = LineChart.Series(name: "count", colour: 0, points: points)
        let note = width > 1 ? "\(width) values a place" : ""
        cards += LineChart(title: title, xLabel: title, series: [series]).card(note: note)
    }

    /// The whole page.
    public var html: String {
        var page = page
        if !summary.isEmpty {
            let names = ["Mean", "Median", "90 % up to", "Most"].map { "<th scope=\"col\">\($0)</th>" }
            let head = "<td></td>" + names.joined()
            let table = "<table><thead><tr>\(head)</tr></thead><tbody>\(summary)</tbody></table>"
            page.add("figures", "Figures", "<div class=\"scroll\">\(table)</div>\n")
        }
        page.add("plots", "Plots", cards.isEmpty ? "" : "<div class=\"cards\">\(cards)</div>\n")
        return page.html
    }
}
