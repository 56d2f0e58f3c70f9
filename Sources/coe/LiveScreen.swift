import Foundation
import ServeCommands
import StatefulTools
import Synchronization

/// A long run on a terminal: how far it is, the curves of its figures, what looks wrong, and its last episodes. It stays at
/// the terminal's bottom and is drawn anew after each step, and each second for the time that passes.
final class LiveScreen: Sendable {
    struct Figure: Sendable {
        var name: String
        /// The last value, and what is said of it, such as an interval.
        var value: String
        /// All of them, for the curve.
        var history: [Double] = []
    }

    struct Content: Sendable {
        /// `step` or `episode`.
        var unit = "step"
        var done = 0
        var total = 0
        var secondsLeft = 0.0
        /// What stands beside the time that is left.
        var note = ""
        var figures: [Figure] = []
        var alarms: [String] = []
        /// Lines of the last episodes.
        var episodes: [String] = []
        fileprivate var changed = ContinuousClock.now
        fileprivate var isOver = false
    }

    private let content = Mutex(Content())

    /// Nil where standard error is no terminal that can draw it.
    init?() {
        guard Terminal.showsProgress else { return nil }
        Task { [weak self] in
            repeat { try? await Task.sleep(for: .seconds(1)) } while self?.draw() ?? false
        }
    }

    /// Changes what is shown.
    func update(_ change: (inout Content) -> Void) {
        content.withLock {
            change(&$0)
            $0.changed = .now
        }
        draw()
    }

    /// Leaves the last picture on the terminal.
    func end() {
        content.withLock { $0.isOver = true }
        Terminal.unpin()
    }

    /// False when the run is over.
    @discardableResult private func draw() -> Bool {
        content.withLock { content in
            if content.total > 0, !content.isOver { Terminal.pin(Self.lines(content, columns: Terminal.columns)) }
            return !content.isOver
        }
    }

    private static func lines(_ content: Content, columns: Int) -> [(text: String, style: TerminalText.Style?)] {
        let waited = (ContinuousClock.now - content.changed) / .seconds(1)
        var end = content.note
        if content.done < content.total {
            let left = max(0, content.secondsLeft - waited)
            end = "\(duration(left)) left  \(content.unit) \(content.done + 1): \(duration(waited))  " + end
        }
        let begin = "\(content.unit) \(content.done)/\(content.total)  "
        let width = max(0, min(30, columns - 1 - begin.count - end.count - 2))
        let filled = width * content.done / content.total
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        var lines: [(String, TerminalText.Style?)] = [(begin + bar + "  " + end, .bold)]

        let names = content.figures.map(\.name.count).max() ?? 0
        let values = content.figures.map(\.value.count).max() ?? 0
        for figure in content.figures {
            let name = figure.name.padding(toLength: names, withPad: " ", startingAt: 0)
            let value = figure.value.padding(toLength: values, withPad: " ", startingAt: 0)
            let curve = Self.curve(figure.history, width: max(0, min(60, columns - names - values - 5)))
            lines.append(("\(name)  \(value)  \(curve)", nil))
        }
        lines += content.alarms.map { ("warning: \($0)", .yellow) }
        lines += content.episodes.map { ($0, .grey) }
        return lines
    }

    private static func duration(_ seconds: Double) -> String {
        switch Int(seconds) {
        case ..<100: "\(Int(seconds)) s"
        case ..<6000: "\(Int(seconds / 60)) min"
        default: String(format: "%.1f h", seconds / 3600)
        }
    }

    /// The values from the least to the greatest as blocks of eight heights, at most `width`: each is the mean of a part.
    static func curve(_ values: [Double], width: Int) -> String {
        guard width > 0 else { return "" }
        let count = min(width, values.count)
        let means = (0..<count).map { place in
            let part = values[(place * values.count / count)..<((place + 1) * values.count / count)].filter(\.isFinite)
            return part.isEmpty ? Double.nan : part.reduce(0, +) / Double(part.count)
        }
        let known = means.filter(\.isFinite)
        guard let low = known.min(), let high = known.max() else { return "" }
        let blocks = Array("▁▂▃▄▅▆▇█")
        return String(
            means.map { mean in
                guard mean.isFinite else { return " " }
                return high > low ? blocks[min(7, Int((mean - low) / (high - low) * 8))] : blocks[3]
            })
    }
}
