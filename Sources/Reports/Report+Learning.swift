import Foundation
import Runs

/// How the runs were trained and made: learning curves, settings, provenance.
extension Report {
    /// What metrics are called, in groups that stand below each other. Others keep the names of the file.
    private static let groups: [(title: String, names: [(metric: String, title: String)])] = [
        (
            "What is reached",
            [
                ("eval_solved", "Solved, validation"), ("eval_loss", "Loss, validation"),
                ("solved", "Solved, rollouts"),
                ("reward", "Reward"), ("loss", "Loss"), ("turns", "Turns an episode"),
                ("edits_per_solve", "Edits a solve"),
            ]
        ),
        (
            "How the policy acts",
            [
                ("entropy", "Entropy"), ("kl", "Distance from the start (KL)"), ("malformed", "Malformed commands"),
                ("inapplicable", "Commands without effect"), ("exit", "Episodes that end with EXIT"),
                ("commands/unique", "Different commands"), ("completions/mean_length", "Tokens a command"),
                ("resamples", "Resamples"),
            ]
        ),
        (
            "How it learns",
            [
                ("grad_norm", "Gradient norm"), ("learning_rate", "Learning rate"), ("reward_std", "Spread of rewards"),
                ("frac_reward_zero_std", "Groups of one reward"), ("groups/all_solved", "Groups all solved"),
                ("groups/all_failed", "Groups all failed"), ("clip_ratio/low_mean", "Clipped below"),
                ("clip_ratio/high_mean", "Clipped above"),
            ]
        ),
        (
            "What it costs",
            [
                ("tokens_per_second", "Tokens a second"), ("step_time", "Seconds a step"),
                ("rollout_time", "Seconds of rollouts"), ("sandbox_seconds", "Seconds of judging"),
                ("num_tokens", "Tokens in all"), ("update/tokens", "Tokens of an update"),
                ("episodes", "Episodes in all"),
                ("epoch", "Epochs"),
            ]
        ),
    ]

    /// What has no noise to smooth away.
    private static let smooth: Set = ["learning_rate", "num_tokens", "episodes", "epoch"]

    private var trained: [(index: Int, run: ReportRun)] {
        runs.enumerated().filter { !$0.element.metrics.isEmpty }.map { ($0.offset, $0.element) }
    }

    var learning: String {
        if trained.isEmpty { return "" }
        let names = Set(trained.flatMap { $0.run.metrics.series.keys })
        let known = Set(Self.groups.flatMap { $0.names.map(\.metric) })
        let axes = [LearningAxis.step, .tokens, .hours].filter { axis in trained.contains { axis.places($0.run) != nil }
        }
        var html = ""
        if trained.count > 1 {
            html += "<div class=\"legend\">"
            html += trained.map { "<span>\(swatch($0.index))\(escaped($0.run.name))</span>" }.joined() + "</div>"
        }
        if axes.count > 1 {
            html += "<div class=\"axes\" role=\"group\" aria-label=\"Horizontal axis\">"
            for axis in axes {
                html += "<button type=\"button\" data-axis=\"\(axis.rawValue)\" "
                html += "aria-pressed=\"\(axis == .step)\">\(axis.title)</button>"
            }
            html += "</div>"
        }
        for group in Self.groups {
            let cards = group.names.filter { names.contains($0.metric) }.map { card($0.metric, $0.title, axes) }
            if cards.isEmpty { continue }
            html += "<h3 class=\"group\">\(group.title)</h3><div class=\"cards small\">\(cards.joined())</div>"
        }
        let others = Metrics.inOrder(names.subtracting(known))
        if !others.isEmpty {
            html += "<details><summary>\(others.count) more</summary><div class=\"cards small\">"
            html += others.map { card($0, $0, axes) }.joined() + "</div></details>"
        }
        return html
            + "<p class=\"note\">Pale: each step, or the mean of some. Strong: the running mean of a twentieth of "
            + "the run.</p>\n"
    }

    /// One metric of all runs over each axis, of which the page shows one.
    private func card(_ metric: String, _ title: String, _ axes: [LearningAxis]) -> String {
        let charts = axes.compactMap { axis -> LineChart? in
            let series = trained.compactMap { index, run -> LineChart.Series? in
                guard let values = run.metrics.series[metric], let places = axis.places(run) else { return nil }
                func point(_ point: Metrics.Point) -> LineChart.Point? {
                    places(point.step).map { .init(x: $0, y: point.value, low: point.low, high: point.high) }
                }
                let points = Metrics.thinned(values).compactMap(point)
                var line = LineChart.Series(name: run.name, colour: index % 8, points: points)
                if values.count >= 20, !Self.smooth.contains(metric) {
                    line.smooth = Metrics.thinned(Metrics.smoothed(values)).compactMap(point)
                }
                for place in line.smooth.indices { (line.smooth[place].low, line.smooth[place].high) = (nil, nil) }
                return line
            }
            if series.isEmpty { return nil }
            var chart = LineChart(title: title, xLabel: axis.label, series: series, wholeX: axis != .hours)
            (chart.axis, chart.isHidden) = (axes.count > 1 ? axis.rawValue : "", axis != .step)
            return chart
        }
        guard let first = charts.first else { return "" }
        let last = first.series.count == 1 ? first.series[0].points.last.map { Figure.short($0.y) } ?? "" : ""
        let name = title == metric ? "" : "<code>\(escaped(metric))</code> "
        return
            "<figure class=\"card\"><figcaption>\(escaped(title))<span class=\"sub\">\(name)\(last)</span></figcaption>"
            + charts.map(\.svg).joined() + "</figure>\n"
    }

    /// How each run was made, and what its `run.json` says.
    var settings: String {
        runs.filter { !$0.settings.isEmpty || !$0.provenance.isEmpty }.map { run in
            var html = "<details><summary>\(escaped(run.name))</summary>"
            var rows: [(String, String)] = []
            for start in run.provenance {
                let about = "coe \(start.commit), \(start.machine)"
                rows.append((start.started.formatted(.iso8601), "<code>\(escaped(start.command))</code>"))
                rows.append(("in \(start.folder)", escaped(about)))
            }
            if let seconds = run.seconds { rows.append(("Duration", "\(Figure.short(seconds / 3600)) hours")) }
            if !rows.isEmpty {
                html += "<div class=\"scroll\"><table class=\"provenance\"><tbody>"
                html += rows.map { "<tr><th scope=\"row\">\(escaped($0.0))</th><td>\($0.1)</td></tr>" }.joined()
                html += "</tbody></table></div>"
            }
            return html + "<pre>\(escaped(run.settings))</pre></details>"
        }.joined()
    }
}

/// What the steps of a training can be counted in.
private enum LearningAxis: String {
    case step, tokens, hours

    var title: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() + (self == .step ? "s" : "") }
    var label: String { self == .tokens ? "tokens of training" : rawValue }

    /// Where a step of the run is on this axis; nil where the run did not count it.
    func places(_ run: ReportRun) -> ((Double) -> Double?)? {
        let known: [(step: Double, value: Double)]
        switch self {
        case .step: return { $0 }
        case .tokens: known = run.metrics.series["num_tokens"] ?? []
        case .hours:
            var seconds = 0.0
            known = (run.metrics.series["step_time"] ?? []).map { step, value in
                seconds += value
                return (step, seconds / 3600)
            }
        }
        if known.isEmpty { return nil }
        let places = Dictionary(known.map { ($0.step, $0.value) }) { $1 }
        return { $0 == 0 ? 0 : places[$0] }
    }
}
