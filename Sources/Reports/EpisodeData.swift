import Episodes
import Evaluation
import Foundation
import LineEditor
import PythonSandbox
import RepairTasks

/// The episodes of a report as the page's script reads them: an index of all, and pieces with the whole of some.
///
/// Each is gzip in base64, and a piece is unpacked when one of its episodes is opened. Keys are short since they are
/// many; `Resources/report.js` names them.
struct EpisodeData {
    /// One row an episode.
    struct Row: Encodable {
        /// The run's place in the report.
        var r: Int
        /// The task's id.
        var t: String
        /// The sample.
        var s: Int
        /// 2 solved, 1 passes the visible tests only, 0 neither.
        var v: Int
        /// How it ended.
        var x: String
        /// Turns.
        var n: Int
        /// Tokens written.
        var k: Int
        /// How the faulty program fails.
        var f: String
        /// Characters edited beyond those needed; only where solved.
        var o: Int?
    }

    private struct Outcome: Encodable {
        /// The status.
        var s: String
        /// The test's name; only in the first report.
        var n: String?
        /// What it says.
        var m: String?
    }

    private struct Judged: Encodable {
        /// Why the program does not load.
        var e: String?
        var t: [Outcome]
        var h: [Outcome]?

        init(_ report: SandboxReport, named: Bool) {
            e = report.programError.map { error in
                "\(error.type)\(error.line.map { " in line \($0)" } ?? ""): \(error.message)"
            }
            func outcomes(_ tests: [TestOutcome]) -> [Outcome] {
                tests.map {
                    Outcome(
                        s: $0.status.rawValue, n: named ? $0.name : nil,
                        m: report.programError == nil ? $0.message : nil)
                }
            }
            t = outcomes(report.tests)
            h = report.hiddenTests.isEmpty ? nil : outcomes(report.hiddenTests)
        }
    }

    private struct Played: Encodable {
        /// What was written.
        var x: String
        /// Whether it is a command.
        var c: Bool
        /// Why it could not be read or carried out.
        var e: String?
        /// The program after it; nil when it is as before.
        var p: String?
        /// The tests; nil when they are as before.
        var j: Judged?
        /// The feedback, without the program.
        var b: String?
        /// The reward.
        var w: Double
        /// The tokens' text in one, where it is known, and where not the empty string.
        var k: String
        /// Each token's length in UTF-16 units, as the script counts.
        var l: [Int]
        /// Each token's log-probability, in thousandths.
        var q: [Int]
        /// Tokens read before.
        var d: Int
    }

    private struct Whole: Encodable {
        /// The faulty program.
        var p: String
        var j: Judged?
        var m: String
        /// What ended it from outside.
        var e: String?
        var s: Double
        var g: String
        /// Lines touched and needed, where solved.
        var z: [Int]?
        var u: [Played]
    }

    private struct Described: Encodable {
        var p: String
        var t: [String]
        var h: [String]?
        var r: String?
    }

    static let pieceSize = 25

    var rows: [Row] = []
    /// The index, the tasks and the pieces as base64 of gzip.
    var index = ""
    var tasks = ""
    var pieces: [String] = []

    init(_ runs: [ReportRun], passing: [String: Set<String>]) throws {
        var piece: [Whole] = []
        var described: [String: Described] = [:]
        func close() throws {
            if !piece.isEmpty { pieces.append(try packed(piece)) }
            piece = []
        }
        for (number, run) in runs.enumerated() {
            guard let evaluation = run.evaluation else { continue }
            let sizes = evaluation.editSizes(passing: passing)
            for task in evaluation.tasks where described[task.id] == nil {
                guard case .statements(let statements) = task.tests, !statements.isEmpty else {
                    if case .file(let source, _) = task.tests {
                        described[task.id] = Described(p: task.prompt, t: [source], r: task.reference)
                    }
                    continue
                }
                described[task.id] = Described(
                    p: task.prompt, t: statements, h: task.hiddenTests.isEmpty ? nil : task.hiddenTests,
                    r: task.reference)
            }
            for trace in evaluation.traces {
                let size = sizes[EpisodeID(trace)]
                rows.append(
                    Row(
                        r: number, t: trace.task, s: trace.sample, v: trace.solved ? 2 : trace.visiblePassed ? 1 : 0,
                        x: trace.exit.rawValue, n: trace.turns.count, k: trace.tokens,
                        f: trace.initialReport?.failureKind ?? "", o: size?.excess))
                piece.append(Self.whole(trace, size, run.tokenTexts))
                if piece.count == Self.pieceSize { try close() }
            }
        }
        try close()
        if rows.isEmpty { return }
        index = try packed(rows)
        tasks = try packed(described)
    }

    private static func whole(_ trace: Trace, _ size: EditSize?, _ texts: [Int: String]) -> Whole {
        var program = trace.initialProgram
        var editor = ProgramText(program)
        let edits = trace.method == "coe" || trace.method == "oracle"
        var report = trace.initialReport
        let turns = trace.turns.map { turn in
            if !edits {
                editor = ProgramText(ProgramAnswer.program(in: turn.completion.text))
            } else if let command = turn.command {
                try? editor.apply(command)
            }
            let after = edits ? editor.text : ProgramAnswer.program(in: turn.completion.text)
            defer { (program, report) = (after, turn.report) }
            let tokens = turn.completion.tokenIDs.map { texts[$0] }
            let isKnown = !tokens.isEmpty && !tokens.contains(nil)
            return Played(
                x: turn.completion.text, c: turn.command != nil || !edits, e: turn.error,
                p: after.utf8.elementsEqual(program.utf8) ? nil : after,
                j: turn.report == report ? nil : Judged(turn.report, named: false),
                b: turn.feedback.map { feedback in
                    feedback.ranges(of: "***\n").last.map { String(feedback[$0.upperBound...]) } ?? feedback
                }, w: turn.reward, k: isKnown ? tokens.map { $0 ?? "" }.joined() : "",
                l: isKnown ? tokens.map { $0?.utf16.count ?? 0 } : [],
                q: turn.completion.logProbabilities.map { $0.isFinite ? Int(($0 * 1_000).rounded()) : -99_999 },
                d: turn.completion.promptTokenIDs.count)
        }
        return Whole(
            p: trace.initialProgram, j: trace.initialReport.map { Judged($0, named: true) }, m: trace.method,
            e: trace.error, s: trace.seconds, g: String(trace.seed), z: size.map { [$0.lines, $0.neededLines] },
            u: turns)
    }
}

/// JSON, gzip, base64. The system's own gzip packs, as it unpacks task files: no library has to be linked.
func packed(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let plain = FileManager.default.temporaryDirectory.appending(path: "coe-report-\(UUID())")
    let zipped = plain.appendingPathExtension("gz")
    defer {
        try? FileManager.default.removeItem(at: plain)
        try? FileManager.default.removeItem(at: zipped)
    }
    do {
        try encoder.encode(value).write(to: plain)
        let gzip = Process()
        gzip.executableURL = URL(filePath: "/usr/bin/env")
        // Without the file's name and time, so that equal runs make equal reports.
        gzip.arguments = ["gzip", "-9", "-n", plain.path(percentEncoded: false)]
        try gzip.run()
        gzip.waitUntilExit()
        return try Data(contentsOf: zipped).base64EncodedString()
    } catch {
        throw ReportError(.unwritable, "The episodes can't be packed with gzip: \(error.localizedDescription)")
    }
}
