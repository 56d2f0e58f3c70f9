import Foundation
import ServeCommands
import Synchronization

/// How far a long step is: one line that is written over on a terminal, a line every few seconds elsewhere.
final class ProgressLine: Sendable {
    private let title: String
    private let start = ContinuousClock.now
    private let last = Mutex<ContinuousClock.Instant?>(nil)
    private let isTerminal = Terminal.isTerminal

    init(_ title: String) { self.title = title }

    func show(_ done: Int, of total: Int, note: String = "") {
        last.withLock { last in
            let now = ContinuousClock.now
            let interval: Duration = isTerminal ? .milliseconds(100) : .seconds(5)
            if let last, now - last < interval, done < total { return }
            last = now
            let seconds = max((now - start) / .seconds(1), 0.001)
            let rate = Double(done) / seconds
            let left = rate > 0 ? Double(total - done) / rate : 0
            var text = "\(title) \(done)/\(total)"
            text += String(format: "  %.1f/s", rate) + (done < total ? "  \(Int(left)) s left" : "") + note
            if isTerminal {
                let columns = Terminal.columns
                let width = min(24, max(0, columns - text.count - 2))
                let filled = total > 0 ? width * done / total : width
                let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
                let end = done < total ? "" : "\n"
                // A line that wraps can't be written over.
                Terminal.overwrite("\("\(bar) \(text)".prefix(max(1, columns - 1)))\(end)")
            } else {
                Terminal.say(text)
            }
        }
    }
}
