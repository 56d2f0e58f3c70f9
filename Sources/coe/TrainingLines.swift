import Foundation
import ServeCommands
import StatefulTools
import Synchronization
import Training

/// Shows a training run: one screen on a terminal, a line a step elsewhere.
final class TrainingLines: Sendable {
    /// Whether the last metrics are printed as JSON.
    private let json: Bool
    private let seen = Mutex((steps: 0, seconds: 0.0, figures: [LiveScreen.Figure]()))
    private let screen = LiveScreen()

    init(json: Bool) { self.json = json }

    /// The metrics that are shown, in this order, with their formats.
    private static let shown = [
        ("loss", "%.4f"), ("reward", "%.3f"), ("solved", "%.3f"), ("malformed", "%.3f"), ("entropy", "%.3f"),
        ("frac_reward_zero_std", "%.2f"), ("kl", "%.4f"), ("learning_rate", "%.2e"), ("tokens_per_second", "%.0f"),
    ]

    @Sendable func show(_ progress: TrainingProgress) {
        if let note = progress.note { return Terminal.say(note) }
        let values = Self.values(progress.metrics)
        let (left, figures) = seen.withLock { seen in
            seen.steps += 1
            seen.seconds += progress.metrics["step_time"] ?? 0
            for (name, text, value) in values where name != "learning_rate" {
                let place = seen.figures.firstIndex { $0.name == name } ?? seen.figures.count
                if place == seen.figures.count { seen.figures.append(LiveScreen.Figure(name: name, value: text)) }
                seen.figures[place].value = text
                seen.figures[place].history.append(value)
            }
            return (Double(progress.of - progress.step) * seen.seconds / Double(seen.steps), seen.figures)
        }
        if let screen {
            screen.update {
                ($0.done, $0.total, $0.secondsLeft) = (progress.step, progress.of, left)
                ($0.figures, $0.alarms) = (figures, progress.alarms)
                if let sample = progress.sample { $0.episodes = Self.lines(of: sample) }
            }
            if progress.step == progress.of { screen.end() }
        } else {
            var line = "step \(progress.step)/\(progress.of)"
            for (name, text, _) in values where !name.hasPrefix("eval_") { line += "  \(name) \(text)" }
            line += "  \(Int(left / 60)) min left"
            for (name, text, _) in values where name.hasPrefix("eval_") { line += "  \(name) \(text)" }
            Terminal.say(line)
            for alarm in progress.alarms { Terminal.say("  warning: \(alarm)") }
        }
        if json, progress.step == progress.of { try? Terminal.printJSON(progress.metrics) }
    }

    private static func values(_ metrics: [String: Double]) -> [(name: String, text: String, value: Double)] {
        let measured = metrics.keys.sorted().filter { $0.hasPrefix("eval_") }.map { ($0, "%.3f") }
        return (shown + measured).compactMap { name, format in
            metrics[name].map { (name, String(format: format, $0), $0) }
        }
    }

    /// What an episode was about, and its last commands.
    private static func lines(of trace: Trace) -> [String] {
        let count = trace.turns.count
        let end = trace.solved ? "solved" : "not solved (\(trace.exit.rawValue))"
        let commands = trace.turns.suffix(3).map { turn in
            "  " + turn.completion.text.split(separator: "\n").joined(separator: " ")
        }
        return ["\(trace.task): \(count) \(count == 1 ? "command" : "commands"), \(end)"] + commands
    }
}
