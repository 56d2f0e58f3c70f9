import StatefulTools

extension EvaluationSummary {
    /// What a reader of the figures should know, as full sentences.
    static func notes(_ run: EvaluationRun, missing: Int) -> [String] {
        var notes: [String] = []
        if missing > 0 {
            let due = run.traces.count + missing
            notes.append("\(missing) of \(due) episodes are not played yet; the figures leave them out.")
        }
        var starts: [String: Verdict] = [:]
        for trace in run.traces where starts[trace.task] == nil { starts[trace.task] = trace.initialVerdict }
        let solved = starts.values.count(where: \.solved)
        if solved > 0 {
            notes.append(
                "\(solved) of \(starts.count) start states pass already, so that a player who does nothing solves them."
            )
        }
        // One task's start says nothing alone; the states that its players reached do.
        let ends = run.traces.compactMap(\.finalVerdict)
        if let feedback = commonFault(Array(starts.values) + (starts.count == 1 ? ends : [])) {
            let states =
                starts.count == 1 ? "The task's states fail, first and last," : "All \(starts.count) start states fail"
            notes.append(
                "\(states) in the same way before any check runs, so that the tasks' set-up "
                    + "may be at fault and not the states: \(feedback.shortened(to: 200))")
        }
        return notes
    }

    /// The feedback that all states share, where none of their checks ran.
    private static func commonFault(_ states: [Verdict]) -> String? {
        guard states.count > 1, let feedback = states.first?.feedback else { return nil }
        let isCommon = states.allSatisfy { state in
            !state.checks.isEmpty && state.checks.allSatisfy { $0.outcome == "notRun" } && state.feedback == feedback
        }
        return isCommon ? feedback : nil
    }
}
