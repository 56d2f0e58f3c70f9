import Evaluation
import Foundation
import Runs

/// One page about one or several runs: figures, curves, and every episode to step through.
///
/// The page is a single file that loads nothing. Figures and charts need no script; `Resources/report.js` unpacks and shows
/// the episodes.
public struct Report {
    let runs: [ReportRun]
    let summaries: [EvaluationSummary?]
    /// The solutions of all runs, so that all runs' edits are measured against the same states.
    let passing: [String: Set<String>]

    public init(_ runs: [ReportRun]) {
        var runs = runs
        // Two folders of one name are told apart by number.
        var seen: [String: Int] = [:]
        for index in runs.indices {
            seen[runs[index].name, default: 0] += 1
            if let number = seen[runs[index].name], number > 1 { runs[index].name += " (\(number))" }
        }
        self.runs = runs
        passing = runs.reduce(into: [:]) { all, run in
            all.merge(run.evaluation?.solutions ?? [:]) { $0.union($1) }
        }
        let passing = passing
        summaries = runs.map { run in
            run.isEvaluation ? run.evaluation.map { EvaluationSummary($0, passing: passing) } : nil
        }
    }

    /// The whole page.
    ///
    /// - Throws: ``ReportError`` when the episodes can't be packed.
    public func html() throws -> String {
        let episodes = try EpisodeData(runs, passing: passing)
        let count = episodes.rows.count
        var page = Page(
            title: "Chain-of-Edits", subject: runs.map(\.name).joined(separator: ", "),
            heading: runs.count == 1 ? runs[0].name : "\(runs.count) runs", lead: lead(count))
        page.add("results", "Results", results)
        page.add("comparison", "Comparison", comparison)
        page.add("curves", "Tries and turns", tries)
        page.add("kinds", "What is hard", kinds)
        page.add("behaviour", "Behaviour", behaviour)
        page.add("learning", "Learning curves", learning)
        page.add("episodes", "Episodes", count == 0 ? "" : Self.explorer)
        page.add("settings", "Settings", settings)
        page.json = [("runs", "[" + runs.map { jsonString($0.name) }.joined(separator: ",") + "]")]
        if count > 0 {
            page.packed = [("index", episodes.index), ("tasks", episodes.tasks)]
            page.packed += episodes.pieces.enumerated().map { ("piece-\($0.offset)", $0.element) }
        }
        return page.html
    }

    private func lead(_ episodes: Int) -> String {
        var parts: [String] = []
        let sets = Set(runs.filter(\.isEvaluation).compactMap(\.evaluation?.configuration.set)).sorted()
        if !sets.isEmpty { parts.append(sets.map { "<b>\(escaped($0))</b>" }.joined(separator: ", ")) }
        if episodes > 0 { parts.append("\(Figure.grouped(episodes)) episode\(episodes == 1 ? "" : "s")") }
        let trained = runs.count { !$0.metrics.isEmpty }
        if trained > 0 { parts.append("\(trained) training run\(trained == 1 ? "" : "s")") }
        parts.append("made " + Date().formatted(.iso8601.year().month().day()))
        return parts.joined(separator: " · ")
    }

    private static let explorer = """
        <p class="note">Click or use the keys: <kbd>/</kbd> search, <kbd>↑</kbd> <kbd>↓</kbd> episodes, <kbd>←</kbd> \
        <kbd>→</kbd> turns, <kbd>T</kbd> theme.</p>
        <noscript><p class="note">The episodes need JavaScript.</p></noscript>
        <div class="explorer" id="explorer">
        <div class="chooser">
        <div class="filters">
        <input id="search" type="search" placeholder="Search tasks, states, commands" aria-label="Search episodes">
        <select id="f-run" aria-label="Run"></select>
        <select id="f-result" aria-label="Result"></select>
        <select id="f-exit" aria-label="Ending"></select>
        <select id="f-kind" aria-label="Failure kind"></select>
        <select id="f-sort" aria-label="Order"></select>
        </div>
        <div class="count" id="count" aria-live="polite"></div>
        <div class="list" id="list" role="listbox" aria-label="Episodes" tabindex="0"></div>
        </div>
        <article class="viewer" id="viewer" aria-label="Episode"></article>
        </div>

        """
}
