import Evaluation
import Foundation
import Runs
import StatefulTools

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
        /// 2 solved, 1 passes the visible checks only, 0 neither.
        var v: Int
        /// How it ended.
        var x: String
        /// Turns.
        var n: Int
        /// Tokens written.
        var k: Int
        /// How the start fails.
        var f: String
        /// The distance beyond the needed one; only where solved and the tool has a measure.
        var o: Int?
    }

    private struct Outcome: Encodable {
        /// How the check ended.
        var s: String
        /// The check's name; only where the first verdict has another.
        var n: String?
        /// What it says.
        var m: String?
    }

    private struct Judged: Encodable {
        /// 2 solved, 1 passes the visible checks only, 0 neither.
        var v: Int
        /// The feedback, where no check ran.
        var f: String?
        var t: [Outcome]
        /// Whether the hidden checks pass; nil without any.
        var h: Bool?
        /// The progress, in thousandths.
        var g: Int

        /// - Parameter first: the verdict whose names hold for this one.
        init(_ verdict: Verdict, first: Verdict?) {
            v = verdict.solved ? 2 : verdict.passed ? 1 : 0
            let isUnchecked = verdict.checks.allSatisfy { $0.outcome == "notRun" }
            f = isUnchecked ? verdict.feedback : nil
            let names = first.map { $0.checks.map(\.name) } ?? []
            t = verdict.checks.enumerated().map { index, check in
                let isKnown = names.indices.contains(index) && names[index] == check.name
                return Outcome(s: check.outcome, n: isKnown ? nil : check.name, m: isUnchecked ? nil : check.note)
            }
            h = verdict.hiddenPassed
            // Also of a file that gives more, or no number at all.
            g = Int((1_000 * min(1, max(0, verdict.progress))).rounded())
        }
    }

    private struct Played: Encodable {
        /// What was written.
        var x: String
        /// Why it could not be read or carried out.
        var e: String?
        /// The state after it; nil when it is as before.
        var p: String?
        /// The verdict; nil when it is as before.
        var j: Judged?
        /// The message that answers it, from its last line of asterisks on: tools write the state before it.
        var b: String?
        /// The reward.
        var w: Double
        /// The tokens' text in one; empty where it is not known.
        var k: String
        /// Each token's length in UTF-16 units, as the script counts.
        var l: [Int]
        /// Each token's log-probability, in thousandths.
        var q: [Int]
    }

    private struct Whole: Encodable {
        /// The start state.
        var p: String
        var j: Judged?
        /// Whether the turns are commands, not whole answers.
        var c: Bool
        /// What ended it from outside.
        var e: String?
        var s: Double
        var g: String
        /// Commands from start to end, and needed; only where solved and the tool has a measure.
        var z: [Int]?
        var u: [Played]
    }

    private struct Described: Encodable {
        /// The task in words.
        var p: String
        /// A known solved state.
        var r: String?
        /// Its tool; nil for Python repair.
        var l: String?
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
                described[task.id] = Described(
                    p: task.task.prompt, r: task.solution,
                    l: task.task.tool == ToolTask.standardTool ? nil : task.task.tool)
            }
            for trace in evaluation.traces {
                let size = sizes[EpisodeID(trace)]
                rows.append(
                    Row(
                        r: number, t: trace.task, s: trace.sample, v: trace.solved ? 2 : trace.passed ? 1 : 0,
                        x: trace.exit.rawValue, n: trace.turns.count, k: trace.tokens,
                        f: trace.initialVerdict?.failure ?? "", o: size?.excess))
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
        var verdict = trace.initialVerdict
        let turns = zip(trace.turns, zip(trace.statesBefore, trace.rewards)).map { turn, known in
            let (before, reward) = known
            defer { verdict = turn.verdict }
            let tokens = turn.completion.tokenIDs.map { texts[$0] }
            let isKnown = !tokens.isEmpty && !tokens.contains(nil)
            return Played(
                x: turn.completion.text, e: turn.error,
                p: turn.state.flatMap { $0.utf8.elementsEqual(before.utf8) ? nil : $0 },
                j: turn.verdict == verdict ? nil : Judged(turn.verdict, first: trace.initialVerdict),
                b: turn.feedback.map { feedback in
                    feedback.ranges(of: "***\n").last.map { String(feedback[$0.upperBound...]) } ?? feedback
                }, w: reward, k: isKnown ? tokens.map { $0 ?? "" }.joined() : "",
                l: isKnown ? tokens.map { $0?.utf16.count ?? 0 } : [],
                q: turn.completion.logProbabilities.map { Int((max(-99.999, min($0, 0)) * 1_000).rounded()) })
        }
        return Whole(
            p: trace.initialState, j: trace.initialVerdict.map { Judged($0, first: nil) }, c: trace.hasCommands,
            e: trace.error, s: trace.seconds, g: String(trace.seed),
            z: size.map { [$0.made.commands, $0.needed.commands] }, u: turns)
    }
}

/// JSON, gzip, base64.
func packed(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try Gzip.packed(encoder.encode(value)).base64EncodedString()
}
