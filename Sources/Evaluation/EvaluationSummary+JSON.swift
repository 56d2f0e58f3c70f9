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
                        "pass@1Low": .number(group.passAt1.low), "pass@1High": .number(group.passAt1.high),
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
            "solvedTasks": number(solvedTasks), "tokens": number(tokens),
            "tokensRead": number(tokensRead), "tokensPerSolve": optional(tokensPerSolve),
            "seconds": .number(seconds), "secondsPerSolve": optional(secondsPerSolve),
            "exits": .object(exits.mapValues(number)), "solvedPerTurn": .array(solvedPerTurn.map { .number($0) }),
            "failedCommandShare": .number(failedCommandShare), "malformedShare": .number(malformedShare),
            "loopShare": .number(loopShare), "exitShare": .number(exitShare),
            "prematureExitShare": .number(prematureExitShare), "hiddenFailureShare": optional(hiddenFailureShare),
            "excessDistance": optional(excessDistance), "commandsTouched": optional(commandsTouched),
            "commandsNeeded": optional(commandsNeeded), "overEditedShare": optional(overEditedShare),
            "byFailure": groups(byFailure), "byDistance": groups(byDistance),
        ]
        for (index, estimate) in pass.enumerated() {
            members["pass@\(index + 1)"] = .number(estimate.mean)
            members["pass@\(index + 1)Low"] = .number(estimate.low)
            members["pass@\(index + 1)High"] = .number(estimate.high)
        }
        return .object(members)
    }
}
