import Episodes
public import RepairTasks

/// The figures of an evaluation.
public struct EvaluationSummary: Hashable, Sendable {
    public var configuration: EvaluationConfiguration
    public var tasks: Int
    public var episodes: Int
    /// Tokens written by the policy.
    public var tokens: Int
    /// Seconds of this start; episodes read back count with none.
    public var seconds: Double
    /// pass@k for k = 1 … samples, at index k − 1, each with its interval over the tasks.
    public var pass: [Estimate]
    /// How the episodes ended.
    public var exits: [String: Int]
    /// Turns with a command that could not be read or carried out, as a share of all turns.
    public var failedCommandShare: Double

    init(_ configuration: EvaluationConfiguration, tasks: [String], traces: [Trace], seconds: Double) {
        self.configuration = configuration
        self.tasks = tasks.count
        self.seconds = seconds
        episodes = traces.count
        tokens = traces.reduce(0) { $0 + $1.tokens }
        var solved: [String: Int] = [:]
        for trace in traces where trace.solved { solved[trace.task, default: 0] += 1 }
        pass = (1...max(1, configuration.samples)).map { k in
            Estimate(
                tasks.map { passAtK(samples: configuration.samples, solved: solved[$0] ?? 0, k: k) },
                seed: configuration.seed)
        }
        exits = traces.reduce(into: [:]) { $0[$1.exit.rawValue, default: 0] += 1 }
        let turns = traces.flatMap(\.turns)
        failedCommandShare = turns.isEmpty ? 0 : Double(turns.count { $0.error != nil }) / Double(turns.count)
    }

    /// The figures as one object, pass@k as fractions.
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "set": .string(configuration.set), "method": .string(configuration.method.rawValue),
            "model": .string(configuration.model), "adapter": configuration.adapter.map { .string($0) } ?? .null,
            "tasks": .number(Double(tasks)), "samples": .number(Double(configuration.samples)),
            "temperature": .number(configuration.temperature), "episodes": .number(Double(episodes)),
            "tokens": .number(Double(tokens)), "seconds": .number(seconds),
            "exits": .object(exits.mapValues { .number(Double($0)) }),
            "failed_command_share": .number(failedCommandShare),
        ]
        for (index, estimate) in pass.enumerated() {
            members["pass@\(index + 1)"] = .number(estimate.mean)
            members["pass@\(index + 1)_low"] = .number(estimate.low)
            members["pass@\(index + 1)_high"] = .number(estimate.high)
        }
        return .object(members)
    }
}
