import Evaluation
import Foundation
import Runs
import StatefulTools
import Testing
import Tools

@testable import Reports

@Suite struct ReportTests {
    @Test func `what others wrote can't become markup`() throws {
        let hostile = "</script><img src=x onerror=alert(1)>&\"'"
        let page = try Report([madeRun("run \(hostile)", episodes: 3, hostile: hostile)]).html()
        #expect(!page.contains("<img"))
        #expect(!page.contains("</script><img"))
    }

    @Test func `a page asks for nothing from elsewhere`() throws {
        let page = try Report([madeRun("a", episodes: 3)]).html()
        #expect(page.contains("default-src 'none'"))
        // The SVG name space is an identifier, not an address that is loaded.
        let addresses = page.replacing("http://www.w3.org/2000/svg", with: "")
        #expect(!addresses.contains("http://") && !addresses.contains("https://"))
        #expect(!page.contains("@import") && !page.contains("url("))
    }

    @Test func `equal runs make equal pages`() throws {
        let run = madeRun("a", episodes: 60)
        #expect(try Report([run]).html() == Report([run]).html())
    }

    @Test func `a thousand episodes stay under 15 MB`() throws {
        let page = try Report([madeRun("a", episodes: 1_000, turns: 10)]).html()
        #expect(page.utf8.count < 15_000_000)
    }

    @Test func `figures, comparison and curves are in the page without script`() throws {
        var other = madeRun("second", episodes: 60, samples: 4, method: .coe)
        other.metrics = try madeMetrics(500)
        let page = try Report([madeRun("first", episodes: 60), other]).html()
        for part in [
            "33.3", "pass@4", "Solved after so many turns", "against", "Premature EXIT", "KeyError", "Over-edited",
            "Cost and quality", ">Loss<span", "Seconds a step", "data-axis=\"hours\"",
        ] { if !page.contains(part) { Issue.record("\(part) is missing") } }
    }

    @Test func `a folder without traces and metrics is refused, and one with metrics alone is a training run`() throws {
        let folder = temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let error = #expect(throws: ReportError.self) { _ = try ReportRun(folder: folder, tools: .standard) }
        #expect(error?.description.contains("neither traces.jsonl nor metrics.jsonl") == true)
        let lines = [
            "{\"step\":1,\"loss\":2}", "{\"step\":2,\"loss\":1.5,\"lr\":0.1}", "{\"step\":2,\"loss\":1}", "{\"st",
        ]
        try Data(lines.joined(separator: "\n").utf8).write(to: folder.appending(path: "metrics.jsonl"))
        let run = try ReportRun(folder: folder, tools: .standard)
        // The last line of a step holds, and half a line is left out.
        #expect(run.metrics.series["loss"]?.map(\.value) == [2, 1])
        #expect(run.metrics.series["lr"]?.map(\.step) == [2])
        #expect(try Report([run]).html().contains("Learning curves"))
    }

    @Test func `an evaluation of an older coe is refused with a sentence`() throws {
        let folder = temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data("{\"method\":\"coe\",\"options\":{\"maxTurns\":9}}".utf8).write(to: folder.appending(path: "run.json"))
        let error = #expect(throws: ReportError.self) { _ = try ReportRun(folder: folder, tools: .standard) }
        #expect(error?.description.contains("older coe") == true)
        // Rollouts of a training run, of the first format.
        try Data("{\"rank\":8}".utf8).write(to: folder.appending(path: "run.json"))
        try Data("{\"task\":\"t\"}\n".utf8).write(to: folder.appending(path: "traces.jsonl"))
        let rollouts = #expect(throws: ReportError.self) { _ = try ReportRun(folder: folder, tools: .standard) }
        #expect(rollouts?.description.contains("format 1") == true)
    }

    @Test func `the report of an unfinished run says so`() throws {
        var run = madeRun("a", episodes: 12, samples: 4)
        run.evaluation?.traces.removeLast(2)
        let page = try Report([run]).html()
        #expect(page.contains("10 of 12"))
        #expect(page.contains("2 of 12 episodes are not played yet"))
    }

    @Test func `a page of figures holds shares and distributions`() {
        var page = FiguresPage(title: "d<emos", lead: "9 items")
        page.addShares("kind", [("corrup<tion", 3), ("pair", 1)])
        page.addShares("nothing", [])
        page.addDistribution("turns", [1: 5, 2: 3, 7: 1])
        let html = page.html
        for part in [
            "d&lt;emos", "corrup&lt;tion", "75 %", "<th scope=\"row\">turns</th><td>2</td><td>1</td><td>7</td>", "<svg",
        ] {
            #expect(html.contains(part), "\(part)")
        }
        #expect(!html.contains("nothing<"))
    }

    @Test func `thinning keeps the mean and the extremes`() throws {
        let points = Metrics.thinned((0..<10_000).map { (Double($0), $0 == 5_000 ? 100 : 0) }, to: 100)
        #expect(points.count == 100)
        #expect(points.compactMap(\.high).max() == 100)
        #expect(points.map(\.value).max() == 1)
        #expect(points.last?.step == 9_999)
    }

    @Test(arguments: [
        ([0.0, 10], [0.0, 5, 10]), ([3, 3], [2.8, 3, 3.2]), ([0.013, 0.019], [0.012, 0.014, 0.016, 0.018, 0.02]),
    ])
    func `an axis has round ticks around its values`(values: [Double], some: [Double]) {
        let axis = Axis(values)
        #expect(axis.low <= values.min() ?? 0 && axis.high >= values.max() ?? 0)
        #expect((3...8).contains(axis.ticks.count))
        for tick in some { #expect(axis.ticks.contains { abs($0 - tick) < 1e-9 }, "\(axis.ticks)") }
    }

    @Test func `the filter finds words wherever they stand`() throws {
        let run = try #require(madeRun("a", episodes: 9).evaluation)
        func count(_ filter: EpisodeFilter) -> Int {
            run.traces.count { trace in filter.matches(trace, of: run.tasks.first { $0.id == trace.task }) }
        }
        #expect(count(EpisodeFilter()) == 9)
        #expect(count(EpisodeFilter(solved: true)) == 3)
        #expect(count(EpisodeFilter(search: "ADDL VALUE_3")) == 9)
        #expect(count(EpisodeFilter(search: "task-4")) == 1)
        #expect(count(EpisodeFilter(search: "nowhere")) == 0)
        #expect(count(EpisodeFilter(task: "task-1", sample: 0, exit: .turnLimit)) == 1)
        #expect(count(EpisodeFilter(failure: "keyerror")) == 3)
        #expect(count(EpisodeFilter(turns: 5)) == 0)
    }

    @Test func `an episode as text shows commands, changed lines and verdicts, and no control characters`() throws {
        let run = madeRun("a", episodes: 3, turns: 2, hostile: "\u{1B}[2J")
        let evaluation = try #require(run.evaluation)
        let plain = TraceText(hasColour: false).episode(1, evaluation.traces[0], of: evaluation.tasks[0])
        #expect(plain.contains("### ADDL 1 >>>value_1"))
        #expect(plain.contains("    +value_1 = "))
        #expect(plain.contains("3 of 3 checks pass"))
        #expect(plain.contains("reward +1.0"))
        #expect(!plain.contains("\u{1B}"))
        let coloured = TraceText(hasColour: true, tokenTexts: run.tokenTexts)
        #expect(coloured.episode(1, evaluation.traces[0], of: nil).contains("\u{1B}[32m    +value_1"))
        #expect(coloured.row(1, evaluation.traces[1]).contains("unsolved"))
    }

    @Test(arguments: [
        (0.0, "0"), (950, "950"), (3_500, "3,500"), (300_000, "300k"), (2_500_000, "2.5M"), (-20_000, "−20k"),
        (0.0005, "0.0005"), (3e9, "3G"),
    ])
    func `ticks fit beside an axis`(value: Double, text: String) {
        #expect(Figure.tick(value) == text)
    }
}
