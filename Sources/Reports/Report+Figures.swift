import Evaluation
import Foundation
import Runs

extension Report {
    /// The evaluations with their place among the runs, which is their colour.
    var evaluated: [(index: Int, run: ReportRun, summary: EvaluationSummary)] {
        runs.indices.compactMap { index in summaries[index].map { (index, runs[index], $0) } }
    }

    private func interval(_ estimate: Estimate) -> String {
        "<span class=\"ci\">\(Figure.percent(estimate.low)) to \(Figure.percent(estimate.high))</span>"
    }

    private func optional(_ value: Double?, _ text: (Double) -> String) -> String { value.map(text) ?? "–" }

    var results: String {
        let rows = evaluated
        if rows.isEmpty { return "" }
        let repeats = rows.contains { $0.summary.pass.count > 1 }
        let sets = Set(rows.map(\.summary.configuration.set)).count
        var html = "<div class=\"scroll\"><table class=\"headline\"><thead><tr><th scope=\"col\">Run</th>"
        html += "<th scope=\"col\">Episodes</th><th scope=\"col\">pass@1, %</th>"
        html += "<th scope=\"col\" class=\"wide\"><span class=\"scale\"><span>0</span>"
        html += "<span>100 %</span></span></th>"
        html += repeats ? "<th scope=\"col\">pass@K, %</th>" : ""
        html += "<th scope=\"col\">Tokens a solve</th><th scope=\"col\">Seconds a solve</th></tr></thead><tbody>"
        for (index, run, summary) in rows {
            let configuration = summary.configuration
            var about = [configuration.method.rawValue, configuration.model]
            if configuration.method == .oracle { about = ["oracle"] }
            if let adapter = configuration.adapter {
                about[about.count - 1] += " + \(URL(filePath: adapter).lastPathComponent)"
            }
            if sets > 1 { about.append(configuration.set) }
            html += "<tr><th scope=\"row\">\(swatch(index))\(escaped(run.name))"
            html += "<span class=\"sub\">\(escaped(about.joined(separator: " · ")))</span></th>"
            html += "<td data-label=\"Episodes\">\(Figure.grouped(summary.episodes))"
            html += summary.missing > 0 ? " of \(Figure.grouped(summary.episodes + summary.missing))" : ""
            html += "<span class=\"sub\">\(summary.tasks) × \(configuration.samples)</span></td>"
            html += "<td class=\"big\" data-label=\"pass@1, %\">\(Figure.percent(summary.pass[0].mean))"
            html += "\(interval(summary.pass[0]))</td>"
            html += "<td class=\"wide\">\(bar(summary.pass[0], of: 1, colour: index))</td>"
            if summary.pass.count > 1, let last = summary.pass.last {
                html += "<td data-label=\"pass@\(summary.pass.count), %\">\(Figure.percent(last.mean))\(interval(last))"
                html += "<span class=\"sub\">K = \(summary.pass.count)</span></td>"
            } else if repeats {
                html += "<td data-label=\"pass@K, %\">–</td>"
            }
            html += "<td data-label=\"Tokens a solve\">\(optional(summary.tokensPerSolve, Figure.short))</td>"
            html += "<td data-label=\"Seconds a solve\">\(optional(summary.secondsPerSolve, Figure.short))</td></tr>"
        }
        html +=
            "</tbody></table></div><p class=\"note\">Bars and small figures: 95 % intervals over the tasks (bootstrap; Wilson's "
        html += "where none or all are solved). "
        html += "Tokens: written by the model; seconds: wall clock of the run; both for each solved episode.</p>\n"
        for (_, run, summary) in rows {
            for note in summary.notes { html += "<p class=\"problem\">\(escaped(run.name)): \(escaped(note))</p>\n" }
        }
        return html
    }

    var comparison: String {
        let rows = evaluated
        guard rows.count > 1 else { return "" }
        var pairs: [(Int, Int, PairedComparison)] = []
        for first in rows.indices {
            for second in rows.indices where second > first {
                guard let ours = rows[first].run.evaluation, let theirs = rows[second].run.evaluation,
                    let pair = PairedComparison(theirs, ours)
                else { continue }
                pairs.append((second, first, pair))
            }
        }
        if pairs.isEmpty { return "<p class=\"note\">The runs share no task.</p>" }
        // Many runs have too many pairs to read: then all against the first.
        if rows.count > 5 { pairs.removeAll { $0.1 != 0 } }
        let most = max(0.01, pairs.map { max(abs($0.2.difference.low), abs($0.2.difference.high)) }.max() ?? 1)
        var html = "<div class=\"scroll\"><table class=\"pairs\"><thead><tr><th scope=\"col\">Runs</th>"
        html += "<th scope=\"col\">Shared tasks</th><th scope=\"col\">pass@1, points</th>"
        html +=
            "<th scope=\"col\" class=\"wide\"><span class=\"scale\"><span>−\(Figure.percent(most))</span><span>0</span>"
        html += "<span>+\(Figure.percent(most))</span></span></th><th scope=\"col\">p</th>"
        html += "<th scope=\"col\">Better on</th><th scope=\"col\">Worse on</th></tr></thead><tbody>"
        for (first, second, pair) in pairs {
            func place(_ value: Double) -> String { String(format: "%.2f%%", 50 + 50 * value / most) }
            let difference = pair.difference
            let certain = difference.low > 0 || difference.high < 0
            html += "<tr><th scope=\"row\"><span class=\"side\">\(swatch(rows[first].index))"
            html += "\(escaped(rows[first].run.name))</span> <span class=\"side\"><span class=\"minus\">against</span> "
            html += "\(swatch(rows[second].index))\(escaped(rows[second].run.name))</span></th>"
            html += "<td data-label=\"Shared tasks\">\(pair.tasks)</td>"
            html +=
                "<td class=\"big\" data-label=\"Difference, points\">\(Figure.signed(100 * difference.mean))<span class=\"ci\">"
            html += "\(Figure.signed(100 * difference.low)) to \(Figure.signed(100 * difference.high))</span></td>"
            html +=
                "<td class=\"wide\"><span class=\"forest\(certain ? " certain" : "")\" aria-hidden=\"true\" style=\""
            html += "--m:\(place(difference.mean));--l:\(place(difference.low));--h:\(place(difference.high))\">"
            html += "<i></i><b></b></span></td><td class=\"p\" data-label=\"p\">\(Figure.probability(pair.p))</td>"
            html += "<td data-label=\"Better on\">\(pair.wins)</td><td data-label=\"Worse on\">\(pair.losses)</td></tr>"
        }
        html +=
            "</tbody></table></div><p class=\"note\">Paired by task: the difference, its 95 % bootstrap interval, and p of "
        html += "a two-sided sign-flip permutation test.</p>\n"
        return html
    }

    var tries: String {
        let rows = evaluated
        if rows.isEmpty { return "" }
        var cards = ""
        let repeated = rows.filter { $0.summary.pass.count > 1 }
        if !repeated.isEmpty {
            cards +=
                LineChart(
                    title: "pass@k", xLabel: "tries k",
                    series: repeated.map { index, run, summary in
                        .init(
                            name: run.name, colour: index % 8,
                            points: summary.pass.enumerated().map {
                                .init(
                                    x: Double($0.offset + 1), y: $0.element.mean, low: $0.element.low,
                                    high: $0.element.high)
                            })
                    }, isPercent: true
                ).card(note: "%, with 95 % intervals")
        }
        let turning = rows.filter { $0.summary.solvedPerTurn.count > 2 }
        if !turning.isEmpty {
            cards +=
                LineChart(
                    title: "Solved after so many turns", xLabel: "turns",
                    series: turning.map { index, run, summary in
                        .init(
                            name: run.name, colour: index % 8,
                            points: summary.solvedPerTurn.enumerated().map {
                                .init(x: Double($0.offset), y: $0.element)
                            })
                    }, isPercent: true
                ).card(note: "% of the episodes")
        }
        cards +=
            LineChart(
                title: "Cost and quality", xLabel: "tokens written an episode",
                series: rows.map { index, run, summary in
                    let pass = summary.pass[0]
                    let cost = Double(summary.tokens) / Double(max(1, summary.episodes))
                    return .init(
                        name: run.name, colour: index % 8,
                        points: [.init(x: cost, y: pass.mean, low: pass.low, high: pass.high)])
                }, isPercent: true, wholeX: false, scatters: true
            ).card(note: "pass@1, %")
        return "<div class=\"cards\">\(cards)</div>\n"
    }

    var kinds: String {
        let rows = evaluated
        if rows.isEmpty { return "" }
        func table(_ title: String, _ first: String, _ groups: (EvaluationSummary) -> [EvaluationSummary.Group])
            -> String
        {
            var names: [String] = []
            for row in rows { names += groups(row.summary).map(\.name).filter { !names.contains($0) } }
            if names.isEmpty || names == ["unknown"] { return "" }
            names = Array(names.prefix(8))
            var html = "<figure class=\"card\"><figcaption>\(title)<span class=\"sub\">pass@1, %</span></figcaption>"
            html += "<div class=\"scroll\"><table class=\"kinds\"><thead><tr><th scope=\"col\">\(first)</th>"
            html += "<td class=\"wide\"></td><th scope=\"col\">pass@1</th>"
            html += "<th scope=\"col\">Majority</th></tr></thead>"
            for name in names {
                html += "<tbody>"
                var isFirst = true
                for (index, run, summary) in rows {
                    guard let group = groups(summary).first(where: { $0.name == name }) else { continue }
                    html += "<tr>"
                    if isFirst {
                        html += "<th scope=\"rowgroup\">\(escaped(name)) <span class=\"of\">\(group.tasks)</span></th>"
                    } else {
                        html += "<td></td>"
                    }
                    html += "<td class=\"wide\" title=\"\(escaped(run.name)), \(group.tasks) tasks\">"
                    html += "\(bar(group.passAt1, of: 1, colour: index))</td>"
                    html +=
                        "<td>\(Figure.percent(group.passAt1.mean))</td><td>\(Figure.percent(group.majority))</td></tr>"
                    isFirst = false
                }
                html += "</tbody>"
            }
            return html + "</table></div></figure>\n"
        }
        let legend =
            rows.count > 1
            ? "<div class=\"legend\">" + rows.map { "<span>\(swatch($0.index))\(escaped($0.run.name))</span>" }.joined()
                + "</div>"
            : ""
        return legend + "<div class=\"cards\">"
            + table("By how the start fails", "Failure", \.byFailure)
            + table("By the distance to a passing state", "Distance", \.byDistance)
            + "</div><p class=\"note\">Small numbers: tasks. Failure: the eight most frequent kinds. Majority: tasks with more "
            + "than half of their samples solved.</p>\n"
    }

    var behaviour: String {
        let rows = evaluated
        if rows.isEmpty { return "" }
        let lines: [(name: String, note: String, value: (EvaluationSummary) -> String)] = [
            ("Malformed", "% of the turns hold no command", { self.editing($0) { Figure.percent($0.malformedShare) } }),
            (
                "Not applicable", "% of the turns could not be carried out, or changed nothing",
                { self.editing($0) { Figure.percent($0.failedCommandShare - $0.malformedShare) } }
            ),
            (
                "Loops", "% of the turns come back to an earlier state or repeat a command on it",
                { self.editing($0) { Figure.percent($0.loopShare) } }
            ),
            ("EXIT", "% of the episodes end with it", { self.editing($0) { Figure.percent($0.exitShare) } }),
            (
                "Premature EXIT", "% of the episodes end with it before they pass",
                { self.editing($0) { Figure.percent($0.prematureExitShare) } }
            ),
            (
                "Passes visible checks, fails hidden ones", "% of the episodes that pass the visible checks",
                { self.optional($0.hiddenFailureShare, Figure.percent) }
            ),
            (
                "Excess distance", "beyond the nearest passing state, per solve",
                { self.optional($0.excessDistance, Figure.short) }
            ),
            (
                "Commands from start to end / needed", "means, per solve",
                { summary in
                    guard let touched = summary.commandsTouched, let needed = summary.commandsNeeded else { return "–" }
                    return "\(Figure.short(touched)) / \(Figure.short(needed))"
                }
            ),
            (
                "Over-edited", "% of the solves take more commands than needed",
                { self.optional($0.overEditedShare, Figure.percent) }
            ),
            ("Tokens", "written / read", { "\(Figure.grouped($0.tokens)) / \(Figure.grouped($0.tokensRead))" }),
            (
                "Endings", "episodes",
                { summary in
                    summary.exits.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                        .map { "<span class=\"nowrap\">\(escaped($0.key)) \($0.value)</span>" }.joined(separator: ", ")
                }
            ),
        ]
        var html = "<div class=\"scroll\"><table class=\"behaviour\"><thead><tr><td></td>"
        html += rows.map { "<th scope=\"col\">\(swatch($0.index))\(escaped($0.run.name))</th>" }.joined()
        html += "</tr></thead><tbody>"
        for line in lines {
            let values = rows.map { line.value($0.summary) }
            if values.allSatisfy({ $0 == "–" }) { continue }
            html += "<tr><th scope=\"row\">\(line.name)<span class=\"sub\">\(line.note)</span></th>"
            html += values.map { "<td>\($0)</td>" }.joined() + "</tr>"
        }
        return html + "</tbody></table></div>\n"
    }

    private func editing(_ summary: EvaluationSummary, _ text: (EvaluationSummary) -> String) -> String {
        summary.configuration.method.givesWholeAnswers ? "–" : text(summary)
    }
}
