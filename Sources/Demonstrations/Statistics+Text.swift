extension Statistics {
    /// The figures as a table for people.
    public var table: String {
        var lines: [String] = []
        func row(_ name: String, _ text: String) {
            lines.append(name + String(repeating: " ", count: max(1, 26 - name.count)) + text)
        }
        row("items", "\(items) of \(tasks) tasks")
        for (name, distribution) in summaries where distribution.count > 0 {
            row(
                name,
                "mean \(rounded(distribution.mean))  median \(distribution.quantile(0.5))  "
                    + "90 % up to \(distribution.quantile(0.9))  most \(distribution.quantile(1))")
        }
        for (title, counts) in groups where !counts.isEmpty {
            lines += ["", title]
            for (name, count, share) in Self.shares(counts) {
                row("  " + name, "\(count)  \(rounded(100 * share)) %")
            }
        }
        return lines.joined(separator: "\n")
    }

    var summaries: [(String, Distribution)] {
        [
            ("distance to the solution", editDistance), ("faults", faults), ("turns", turns),
            ("characters", characters), ("characters learned", learnedCharacters), ("tokens", tokens),
            ("tokens learned", learnedTokens),
        ]
    }

    var groups: [(String, [String: Int])] {
        let steps = Dictionary(
            lineSteps.counts.map { step, count in
                (abs(step) <= 2 ? (step > 0 ? "+\(step)" : "\(step)") : step < 0 ? "further up" : "further down", count)
            }, uniquingKeysWith: +)
        return [
            ("kind", kinds), ("fails with", failures), ("operator", operators), ("command", commands),
            ("from one command's line to the next", steps),
        ]
    }

    func rounded(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }

    /// The figures as one HTML page with plots, that needs no other file.
    public func page(title: String) -> String {
        var body = "<h1>\(escaped(title))</h1>\n<p>\(items) items of \(tasks) tasks</p>\n<table>\n"
        body += "<tr><th></th><th>mean</th><th>median</th><th>90 % up to</th><th>most</th></tr>\n"
        for (name, distribution) in summaries where distribution.count > 0 {
            body +=
                "<tr><th>\(name)</th><td>\(rounded(distribution.mean))</td><td>\(distribution.quantile(0.5))</td>"
                + "<td>\(distribution.quantile(0.9))</td><td>\(distribution.quantile(1))</td></tr>\n"
        }
        body += "</table>\n"
        for (name, distribution) in summaries where distribution.counts.count > 1 {
            body += "<h2>\(name)</h2>\n" + histogram(distribution)
        }
        for (name, counts) in groups where !counts.isEmpty {
            body += "<h2>\(name)</h2>\n" + bars(Self.shares(counts))
        }
        return """
            <!doctype html>
            <html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>\(escaped(title))</title>
            <style>
            body { font: 15px/1.4 system-ui, sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em; }
            table { border-collapse: collapse; } th, td { padding: 0.2em 0.8em; text-align: right; }
            h2 { font-size: 1em; margin: 1.6em 0 0.3em; } svg { width: 100%; height: auto; }
            svg text { font-size: 12px; fill: currentColor; } rect { fill: #4a7ebb; }
            :root { color-scheme: light dark; }
            </style>
            \(body)</html>

            """
    }

    private func bars(_ rows: [(name: String, count: Int, share: Double)]) -> String {
        let most = max(rows.map(\.share).max() ?? 1, 1e-9)
        var svg = ""
        for (index, row) in rows.enumerated() {
            let y = 20 * index
            svg += "<text x=\"190\" y=\"\(y + 14)\" text-anchor=\"end\">\(escaped(row.name))</text>"
            svg += "<rect x=\"200\" y=\"\(y + 3)\" width=\"\(rounded(380 * row.share / most))\" height=\"14\"/>"
            svg +=
                "<text x=\"\(rounded(206 + 380 * row.share / most))\" y=\"\(y + 14)\">\(rounded(100 * row.share)) % "
                + "(\(row.count))</text>\n"
        }
        return "<svg viewBox=\"0 0 700 \(20 * rows.count + 4)\" role=\"img\">\n\(svg)</svg>\n"
    }

    /// Up to 40 bins of equal width up to the 99th percentile; the last one holds the rest too.
    private func histogram(_ distribution: Distribution) -> String {
        let low = distribution.quantile(0)
        let high = max(distribution.quantile(0.99), low + 1)
        let width = max(1, (high - low + 39) / 40)
        var bins = [Int](repeating: 0, count: (high - low) / width + 1)
        for (value, count) in distribution.counts { bins[min((value - low) / width, bins.count - 1)] += count }
        let most = Double(max(bins.max() ?? 1, 1))
        let step = 680 / Double(bins.count)
        var svg = ""
        for (index, count) in bins.enumerated() {
            let height = 120 * Double(count) / most
            svg +=
                "<rect x=\"\(rounded(10 + step * Double(index)))\" y=\"\(rounded(125 - height))\" "
                + "width=\"\(rounded(max(step - 1, 1)))\" height=\"\(rounded(height))\">"
                + "<title>from \(low + index * width): \(count)</title></rect>\n"
        }
        svg += "<text x=\"10\" y=\"142\">\(low)</text>"
        svg += "<text x=\"690\" y=\"142\" text-anchor=\"end\">\(low + (bins.count - 1) * width) and more</text>\n"
        return "<svg viewBox=\"0 0 700 148\" role=\"img\">\n\(svg)</svg>\n"
    }

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
    }
}
