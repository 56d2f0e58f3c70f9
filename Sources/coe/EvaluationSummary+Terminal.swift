import Evaluation
import Foundation
import ServeCommands

extension EvaluationSummary {
    /// The figures for people.
    ///
    /// - Parameter json: whether standard output holds JSON.
    func show(json: Bool) {
        func say(_ text: String) { Terminal.show(text, json: json, isProse: true) }
        func percent(_ value: Double) -> String { String(format: "%.1f", 100 * value) }
        for (index, pass) in pass.enumerated() {
            say(
                "pass@\(index + 1) \(percent(pass.mean)) % (95 %: \(percent(pass.low)) to \(percent(pass.high)))")
        }
        say("\(solved) of \(episodes) episodes solved, \(solvedTasks) of \(tasks) tasks at least once")
        if let tokensPerSolve, let secondsPerSolve {
            say(
                String(format: "%.0f tokens and %.1f s for each solved episode", tokensPerSolve, secondsPerSolve))
        }
        if !configuration.method.givesWholeAnswers {
            say(
                "turns: \(percent(malformedShare)) % malformed, \(percent(failedCommandShare - malformedShare)) % could "
                    + "not be carried out, \(percent(loopShare)) % loops; EXIT ends \(percent(exitShare)) % of the "
                    + "episodes, \(percent(prematureExitShare)) % too early")
        }
        if let overEditedShare, let excessDistance {
            say(
                "of the solved, \(percent(overEditedShare)) % touch more lines than needed; "
                    + String(format: "%.1f", excessDistance) + " characters beyond the nearest passing program")
        }
        if let hiddenFailureShare {
            say("\(percent(hiddenFailureShare)) % of what passes the visible tests fails the hidden ones")
        }
        let broken = exits["broken", default: 0] + exits["unusableTests", default: 0]
        if broken > 0 { say("\(broken) episodes broke; coe trace names the reasons") }
        for note in notes { Terminal.say("note: \(note)") }
    }
}
