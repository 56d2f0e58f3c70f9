import Episodes
import Evaluation
import Foundation

/// One page about one or several runs: figures, curves, and every episode to step through.
///
/// The page is a single file that loads nothing: styles, script and data are in it. Figures and charts are written here
/// and need no script; episodes are packed and unfolded by `Resources/report.js`.
public struct Report {
    let runs: [ReportRun]
    let summaries: [EvaluationSummary?]
    /// Solutions of all runs, so that excess edits of each are measured against the same programs.
    let passing: [String: Set<String>]
    var title = "Chain-of-Edits"

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
        var sections: [(id: String, title: String, body: String)] = []
        func add(_ id: String, _ title: String, _ body: String) {
            if !body.isEmpty { sections.append((id, title, body)) }
        }
        add("results", "Results", results)
        add("comparison", "Comparison", comparison)
        add("curves", "Tries and turns", tries)
        add("kinds", "What is hard", kinds)
        add("behaviour", "Behaviour", behaviour)
        add("learning", "Learning curves", learning)
        add("episodes", "Episodes", episodes.rows.isEmpty ? "" : Self.explorer)
        add("settings", "Settings", settings)

        let count = episodes.rows.count
        let names = runs.map(\.name).joined(separator: ", ")
        var page = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
            script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
            <meta name="color-scheme" content="light dark">
            <title>\(escaped(title)): \(escaped(names))</title>
            <link rel="icon" href="data:,">
            <style>\(String(decoding: PackageResources.report_css, as: UTF8.self))</style>
            </head>
            <body>
            <a class="skip" href="#main">Skip to the results</a>
            <header class="top">
            <div class="brand"><span class="mark" aria-hidden="true">&gt;&gt;&gt;</span> \(escaped(title))</div>
            <nav aria-label="Sections">

            """
        page += sections.map { "<a href=\"#\($0.id)\">\($0.title)</a>" }.joined(separator: "\n")
        page += """

            </nav>
            <button id="theme" type="button" title="Light or dark (T)" aria-label="Switch between light and dark">◐</button>
            </header>
            <main id="main">
            <h1>\(runs.count == 1 ? escaped(runs[0].name) : "\(runs.count) runs")</h1>
            <p class="lead">\(lead(count))</p>

            """
        for section in sections {
            page += "<section id=\"\(section.id)\" aria-labelledby=\"h-\(section.id)\">"
            page += "<h2 id=\"h-\(section.id)\">\(section.title)</h2>\n\(section.body)</section>\n"
        }
        page += "</main>\n<div id=\"tip\" role=\"status\" hidden></div>\n"
        page += "<script type=\"application/json\" id=\"runs\">["
        page += runs.map { jsonString($0.name).replacing("<", with: "\\u003c") }.joined(separator: ",") + "]</script>\n"
        func data(_ id: String, _ text: String) -> String {
            "<script type=\"application/octet-stream\" id=\"\(id)\">\(text)</script>\n"
        }
        if count > 0 {
            page += data("index", episodes.index) + data("tasks", episodes.tasks)
            for (number, piece) in episodes.pieces.enumerated() { page += data("piece-\(number)", piece) }
        }
        page += "<script>\(String(decoding: PackageResources.report_js, as: UTF8.self))</script>\n</body>\n</html>\n"
        return page
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
        <input id="search" type="search" placeholder="Search tasks, programs, commands" aria-label="Search episodes">
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
