public import StatefulTools

extension EvaluationSummary {
    /// The figures as one object; pass@k and shares are fractions.
    public var json: JSONValue {
        func number(_ value: Int) -> JSONValue { .number(Double(value)) }
        func optional(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
        func groups(_ groups: [Group]) -> JSONValue {
            .array(
                groups.map { group in
                    var members: [String: JSONValue] = [
                        "name": .string(group.name), "tasks": number(group.tasks),
                        "pass@1_low": .number(group.passAt1.low), "pass@1_high": .number(group.passAt1.high),
                        "majority": .number(group.majority),
                    ]
                    // With one sample these are the same.
                    members["pass@\(pass.count)"] = .number(group.passAtMost)
                    members["pass@1"] = .number(group.passAt1.mean)
                    return .object(members)
                })
        }
        var members: [String: JSONValue] = [
            "set": .string(configuration.set), "method": .string(configuration.method.rawValue),
            "model": .string(configuration.model), "adapter": configuration.adapter.map { .string($0) } ?? .null,
            "tasks": number(tasks), "samples": number(configuration.samples),
            "temperature": .number(configuration.temperature), "episodes": number(episodes),
            "missing": number(missing), "notes": .array(notes.map { .string($0) }), "solved": number(solved),
            "solved_tasks": number(solvedTasks), "tokens": number(tokens),
            "tokens_read": number(tokensRead), "tokens_per_solve": optional(tokensPerSolve),
            "seconds": .number(seconds), "seconds_per_solve": optional(secondsPerSolve),
            "exits": .object(exits.mapValues(number)), "solved_per_turn": .array(solvedPerTurn.map { .number($0) }),
            "failed_command_share": .number(failedCommandShare), "malformed_share": .number(malformedShare),
            "loop_share": .number(loopShare), "exit_share": .number(exitShare),
            "premature_exit_share": .number(prematureExitShare), "hidden_failure_share": optional(hiddenFailureShare),
            "excess_distance": optional(excessDistance), "commands_touched": optional(commandsTouched),
            "commands_needed": optional(commandsNeeded), "over_edited_share": optional(overEditedShare),
            "by_failure": groups(byFailure), "by_distance": groups(byDistance),
        ]
        for (index, estimate) in pass.enumerated() {
            members["pass@\(index + 1)"] = .number(estimate.mean)
            members["pass@\(index + 1)_low"] = .number(estimate.low)
            members["pass@\(index + 1)_high"] = .number(estimate.high)
        }
        return .object(members)
    }
}
