import Evaluation
import Foundation
import ServeCommands
import StatefulTools
import Synchronization

/// Shows the episodes of an evaluation: one screen on a terminal, a line an episode elsewhere.
final class EpisodeLines: Sendable {
    private let begin = ContinuousClock.now
    private let screen = LiveScreen()
    /// The episodes of each task that were solved, and the share of all after each episode.
    private let seen = Mutex((solved: [String: [Double]](), shares: [Double](), lines: [String](), played: 0))

    @Sendable func show(_ trace: Trace, _ done: Int, _ total: Int) {
        let reason = trace.exit == .broken ? ": \(trace.error ?? "")" : ""
        let end = "(\(trace.exit.rawValue)\(reason))"
        guard let screen else {
            let verdict = trace.solved ? Terminal.paint("solved", .green) : "not solved"
            return Terminal.say("\(done)/\(total) \(trace.task) #\(trace.sample) \(verdict) \(end)")
        }
        let line = "\(trace.task) #\(trace.sample) \(trace.solved ? "solved" : "not solved") \(end)"
        if trace.exit == .broken { Terminal.say(line) }
        let (share, shares, lines, played) = seen.withLock { seen in
            seen.solved[trace.task, default: []].append(trace.solved ? 1 : 0)
            let share = Estimate(shares: seen.solved.values.map { $0.reduce(0, +) / Double($0.count) })
            seen.shares.append(share.mean)
            seen.lines = seen.lines.suffix(2) + [line]
            seen.played += 1
            return (share, seen.shares, seen.lines, seen.played)
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        screen.update {
            ($0.unit, $0.done, $0.total) = ("episode", done, total)
            $0.secondsLeft = Double(total - done) * seconds / Double(played)
            // A run that goes on has played others before.
            $0.note = played < done ? "figures of the \(played) played now" : ""
            let value = String(format: "%.1f %% (%.1f to %.1f)", 100 * share.mean, 100 * share.low, 100 * share.high)
            $0.figures = [LiveScreen.Figure(name: "solved", value: value, history: shares)]
            $0.episodes = lines
        }
    }

    /// Leaves the last picture on the terminal.
    func end() { screen?.end() }
}
