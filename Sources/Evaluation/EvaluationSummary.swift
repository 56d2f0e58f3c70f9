import Runs
import StatefulTools

/// The figures of an evaluation, over the episodes that were played.
public struct EvaluationSummary: Hashable, Sendable {
    /// The tasks of one kind.
    public struct Group: Hashable, Sendable {
        public var name: String
        /// Tasks of which an episode was played.
        public var tasks: Int
        public var passAt1: Estimate
        /// pass@k for the largest k.
        public var passAtMost: Double
        /// The share of tasks with more than half of their samples solved.
        public var majority: Double
    }

    public var configuration: EvaluationConfiguration
    public var tasks: Int
    public var episodes: Int
    /// Episodes that are not played yet; the figures leave them out.
    public var missing: Int
    public var solved: Int
    /// Tasks with a solved sample.
    public var solvedTasks: Int
    /// Tokens written by the policy.
    public var tokens: Int
    /// Tokens the policy read: prompts and feedback.
    public var tokensRead: Int
    /// Wall clock of all starts; the sum of the episodes' seconds where no start is known.
    public var seconds: Double
    /// pass@k for k = 1, 2, …, at index k − 1, each over the tasks with at least k episodes. Never empty.
    public var pass: [Estimate]
    /// How the episodes ended.
    public var exits: [String: Int]
    /// The share of episodes solved after at most t turns, at index t.
    public var solvedPerTurn: [Double]
    /// Turns with a command that could not be read or carried out, as a share of all turns.
    public var failedCommandShare: Double
    /// Turns whose completion is no command, as a share of all turns.
    public var malformedShare: Double
    /// Turns that came back to an earlier state or repeated a command on the same one, as a share of all turns.
    public var loopShare: Double
    /// Episodes that ended with EXIT, as a share of all.
    public var exitShare: Double
    /// Episodes that ended with EXIT while the state did not pass, as a share of all.
    public var prematureExitShare: Double
    /// Of the episodes that pass the visible checks and have hidden ones, the share that fails these; nil without any.
    public var hiddenFailureShare: Double?
    /// Mean distance beyond the needed one, over the solved episodes; nil where none is solved or the tool has no
    /// measure, as for the next three.
    public var excessDistance: Double?
    /// Mean commands from the start to the final state, at least, over the solved episodes.
    public var commandsTouched: Double?
    /// Mean commands that were needed, over the solved episodes.
    public var commandsNeeded: Double?
    /// Solved episodes that took more commands than needed, as a share of the solved.
    public var overEditedShare: Double?
    /// By how the start state fails, the largest group first.
    public var byFailure: [Group]
    /// By the distance from the start to a passing state, from near to far; empty where none is known.
    public var byDistance: [Group]
    /// What the figures alone would hide, as full sentences.
    public var notes: [String]

    /// Tokens written for each solved episode; nil where none is solved.
    public var tokensPerSolve: Double? { solved == 0 ? nil : Double(tokens) / Double(solved) }
    /// Wall clock for each solved episode; nil where none is solved.
    public var secondsPerSolve: Double? { solved == 0 ? nil : seconds / Double(solved) }

    /// - Parameter passing: states known to pass, by task, besides the known solutions and the run's own; runs that are
    ///   compared should share them.
    public init(_ run: EvaluationRun, passing: [String: Set<String>] = [:]) {
        let traces = run.traces
        configuration = run.configuration
        tasks = run.tasks.count
        episodes = traces.count
        missing = max(0, run.tasks.count * run.configuration.samples - traces.count)
        tokens = traces.reduce(0) { $0 + $1.tokens }
        tokensRead = traces.reduce(0) { $0 + $1.turns.reduce(0) { $0 + $1.completion.promptTokenIDs.count } }
        seconds =
            run.starts.isEmpty
            ? traces.reduce(0) { $0 + $1.seconds } : run.starts.reduce(0) { $0 + $1.seconds }
        let results = run.results
        solved = results.values.reduce(0) { $0 + $1.solved }
        solvedTasks = results.values.count { $0.solved > 0 }
        pass = Self.pass(run.tasks.compactMap { results[$0.id] }, configuration)
        exits = traces.reduce(into: [:]) { $0[$1.exit.rawValue, default: 0] += 1 }

        let facts = traces.map(EpisodeFacts.init)
        let turns = Double(max(1, traces.reduce(0) { $0 + $1.turns.count }))
        let total = Double(max(1, episodes))
        let longest = max(
            traces.map(\.turns.count).max() ?? 0,
            configuration.method.givesWholeAnswers ? 1 : configuration.options.turns)
        solvedPerTurn = (0...longest).map { turn in Double(facts.count { ($0.solvedAt ?? .max) <= turn }) / total }
        malformedShare = Double(facts.reduce(0) { $0 + $1.malformed }) / turns
        failedCommandShare = malformedShare + Double(facts.reduce(0) { $0 + $1.failed }) / turns
        loopShare = Double(facts.reduce(0) { $0 + $1.loops }) / turns
        exitShare = Double(traces.count { $0.exit == .exit }) / total
        prematureExitShare = Double(facts.count(where: \.exitedEarly)) / total
        let hidden = traces.compactMap { $0.passed ? $0.finalVerdict?.hiddenPassed : nil }
        hiddenFailureShare = hidden.isEmpty ? nil : Double(hidden.count { !$0 }) / Double(hidden.count)

        let sizes = Array(run.editSizes(passing: passing).values)
        if !sizes.isEmpty {
            func mean(_ value: (EditSize) -> Int) -> Double {
                Double(sizes.reduce(0) { $0 + value($1) }) / Double(sizes.count)
            }
            excessDistance = mean(\.excess)
            commandsTouched = mean(\.made.commands)
            commandsNeeded = mean(\.needed.commands)
            overEditedShare = mean { $0.isOverEdited ? 1 : 0 }
        }
        byFailure = run.groups(Self.failures(traces)).sorted { ($1.tasks, $0.name) < ($0.tasks, $1.name) }
        byDistance = Self.byDistance(run)
        notes = Self.notes(run, missing: missing)
    }

    /// pass@k for each k of which a task has as many episodes.
    private static func pass(_ results: [TaskResult], _ configuration: EvaluationConfiguration) -> [Estimate] {
        let most = results.map(\.episodes).max() ?? 0
        return (1...max(1, min(most, configuration.samples))).map { k in
            Estimate(shares: results.compactMap { $0.pass(k) }, seed: configuration.seed)
        }
    }

    /// How the start of each task fails.
    private static func failures(_ traces: [Trace]) -> [String: String] {
        var names: [String: String] = [:]
        for trace in traces where names[trace.task] == nil {
            guard let verdict = trace.initialVerdict else { continue }
            names[trace.task] =
                verdict.solved ? "passes" : verdict.failure ?? (verdict.passed ? "hidden checks" : nil)
        }
        return names
    }

    private static let distanceBounds = [10, 25, 50, 100, 200]

    private static func byDistance(_ run: EvaluationRun) -> [Group] {
        let distances = run.tasks.reduce(into: [String: Int]()) { $0[$1.id] = $1.distanceToPassing }
        if distances.isEmpty { return [] }
        return run.groups(distances.mapValues(distanceName)).sorted { rank($0.name) < rank($1.name) }
    }

    private static func distanceName(_ distance: Int) -> String {
        var low = 0
        for bound in distanceBounds {
            if distance <= bound { return "\(low) to \(bound)" }
            low = bound + 1
        }
        return "over \(distanceBounds.last ?? 0)"
    }

    private static func rank(_ name: String) -> Int {
        if let low = Int(name.prefix { $0.isNumber }) { return low }
        return name == "unknown" ? .max : .max - 1
    }
}

extension EvaluationRun {
    /// The figures of the tasks under each name; a task without one is "unknown".
    fileprivate func groups(_ names: [String: String]) -> [EvaluationSummary.Group] {
        let results = results
        let played = tasks.filter { results[$0.id] != nil }
        return Dictionary(grouping: played) { names[$0.id] ?? "unknown" }.map { name, tasks in
            let results = tasks.compactMap { results[$0.id] }
            let most = results.map(\.episodes).max() ?? 1
            let whole = results.compactMap { $0.pass(min(most, configuration.samples)) }
            return EvaluationSummary.Group(
                name: name, tasks: tasks.count,
                passAt1: Estimate(shares: results.compactMap { $0.pass(1) }, seed: configuration.seed),
                passAtMost: whole.reduce(0, +) / Double(max(1, whole.count)),
                majority: Double(results.count { 2 * $0.solved > $0.episodes }) / Double(tasks.count))
        }
    }
}
