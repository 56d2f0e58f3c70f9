import Foundation
import ServeCommands
import StatefulTools
import UserRepair

/// One line on a terminal that says how the attempts go; nothing elsewhere.
final class StatusLine: Sendable {
    private let task: Task<Void, Never>

    init(_ log: AttemptLog, attempts: Int, isOn: Bool) {
        let begin = ContinuousClock.now
        task = Task {
            guard isOn, Terminal.showsProgress else { return }
            while !Task.isCancelled {
                let seconds = Int((ContinuousClock.now - begin) / .seconds(1))
                var text = "\(seconds) s  \(attempts) \(attempts == 1 ? "attempt" : "attempts"), \(log.edits) edits"
                if let checks = log.best?.verdict.checks, !checks.isEmpty {
                    text += "; best so far: \(checks.count(where: \.passed)) of \(checks.count) tests pass"
                }
                Terminal.overwrite(Terminal.paint(text, .grey))
                try? await Task.sleep(for: .milliseconds(200))
            }
            Terminal.overwrite("")
        }
    }

    /// Takes the line away.
    func end() async {
        task.cancel()
        await task.value
    }
}
