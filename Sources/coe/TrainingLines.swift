import Foundation
import ServeCommands
import Synchronization
import Training

/// Shows the steps of a training run, a line each.
final class TrainingLines: Sendable {
    /// Whether the last metrics are printed as JSON.
    private let json: Bool
    private let seen = Mutex((steps: 0, seconds: 0.0))

    init(json: Bool) { self.json = json }

    /// The metrics that are shown, in this order, with their formats.
    private static let shown = [
        ("loss", "%.4f"), ("reward", "%.3f"), ("solved", "%.3f"), ("malformed", "%.3f"), ("entropy", "%.3f"),
        ("frac_reward_zero_std", "%.2f"), ("kl", "%.4f"), ("learning_rate", "%.2e"), ("tokens_per_second", "%.0f"),
    ]

    @Sendable func show(_ progress: TrainingProgress) {
        if let note = progress.note { return Terminal.say(note) }
        let metrics = progress.metrics
        let mean = seen.withLock { seen in
            seen.steps += 1
            seen.seconds += metrics["step_time"] ?? 0
            return seen.seconds / Double(seen.steps)
        }
        var line = "step \(progress.step)/\(progress.of)"
        for (name, format) in Self.shown {
            if let value = metrics[name] { line += "  \(name) " + String(format: format, value) }
        }
        line += "  \(Int(Double(progress.of - progress.step) * mean / 60)) min left"
        for name in metrics.keys.sorted() where name.hasPrefix("eval_") {
            line += "  \(name) " + String(format: "%.3f", metrics[name] ?? 0)
        }
        Terminal.say(line)
        for alarm in progress.alarms { Terminal.say("  warning: \(alarm)") }
        if json, progress.step == progress.of { try? Terminal.printJSON(metrics) }
    }
}
