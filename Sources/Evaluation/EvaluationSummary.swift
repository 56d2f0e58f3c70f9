import Episodes
import PythonSandbox
import RepairTasks

/// The figures of an evaluation.
public struct EvaluationSummary: Hashable, Sendable {
    /// The tasks of one kind.
    public struct Group: Hashable, Sendable {
        public var name: String
        public var tasks: Int
        public var passAt1: Estimate
        /// pass@k for the largest k.
        public var passAtMost: Double
        /// The share of tasks of whose samples more than half are solved.
        public var majority: Double
    }

    public var configuration: EvaluationConfiguration
    public var tasks: Int
    public var episodes: Int
    public var solved: Int
    /// Tasks with a solved sample.
    public var solvedTasks: Int
    /// Tokens written by the policy.
    public var tokens: Int
    /// Tokens the policy read: prompts and feedback.
    public var tokensRead: Int
    /// Wall clock of all starts; of an older folder the sum of the episodes' seconds.
    public var seconds: Double
    /// pass@k for k = 1 … samples, at index k − 1, each with its interval over the tasks.
    public var pass: [Estimate]
    /// How the episodes ended.
    public var exits: [String: Int]
    /// The share of episodes solved after at most t turns, at index t.
    public var solvedPerTurn: [Double]
    /// Turns with a command that could not be read or carried out, as a share of all turns.
    public var failedCommandShare: Double
    /// Turns whose completion is no command, as a share of all turns.
    public var malformedShare: Double
    /// Turns that came back to an earlier program or repeated a command on the same one, as a share of all turns.
    public var loopShare: Double
    /// Episodes that ended with EXIT, as a share of all.
    public var exitShare: Double
    /// Episodes that ended with EXIT while tests failed, as a share of all.
    public var prematureExitShare: Double
    /// Of the episodes that pass the visible tests and have hidden ones, the share that fails these; nil without any.
    public var hiddenFailureShare: Double?
    /// Mean characters edited beyond those needed, over the solved episodes; nil when there is none.
    public var excessDistance: Double?
    /// Mean lines touched, over the solved episodes.
    public var linesTouched: Double?
    /// Mean lines that had to be touched, over the solved episodes.
    public var linesNeeded: Double?
    /// Solved episodes that touched more lines than needed, as a share of the solved.
    public var overEditedShare: Double?
    /// By how the faulty program fails, the largest group first.
    public var byFailure: [Group]
    /// By the edit distance from the faulty program to a passing one, from near to far.
    public var byDistance: [Group]

    public var tokensPerSolve: Double? { solved == 0 ? nil : Double(tokens) / Double(solved) }
    public var secondsPerSolve: Double? { solved == 0 ? nil : seconds / Double(solved) }

    /// - Parameter passing: programs known to pass, by task, besides the references and the run's own; runs that are
    ///   compared should share them.
    public init(_ run: EvaluationRun, passing: [String: Set<String>] = [:]) {
        let traces = run.traces
        configuration = run.configuration
        tasks = run.tasks.count
        episodes = traces.count
        tokens = traces.reduce(0) { $0 + $1.tokens }
        tokensRead = traces.reduce(0) { $0 + $1.turns.reduce(0) { $0 + $1.completion.promptTokenIDs.count } }
        seconds =
            run.starts.isEmpty
            ? traces.reduce(0) { $0 + $1.seconds } : run.starts.reduce(0) { $0 + $1.seconds }
        let results = run.results
        solved = results.values.reduce(0) { $0 + $1.solved }
        solvedTasks = results.values.count { $0.solved > 0 }
        let samples = configuration.samples
        let seed = configuration.seed
        pass = (1...max(1, samples)).map { k in
            Estimate(run.tasks.map { results[$0.id]?.pass(k, of: samples) ?? 0 }, seed: seed)
        }
        exits = traces.reduce(into: [:]) { $0[$1.exit.rawValue, default: 0] += 1 }

        let facts = traces.map(EpisodeFacts.init)
        let turns = max(1, traces.reduce(0) { $0 + $1.turns.count })
        let total = Double(max(1, episodes))
        let longest = max(
            traces.map(\.turns.count).max() ?? 0,
            configuration.method.answersWithPrograms ? 1 : configuration.options.maxTurns)
        solvedPerTurn = (0...longest).map { turn in Double(facts.count { ($0.solvedAt ?? .max) <= turn }) / total }
        malformedShare = Double(facts.reduce(0) { $0 + $1.malformed }) / Double(turns)
        failedCommandShare = malformedShare + Double(facts.reduce(0) { $0 + $1.failed }) / Double(turns)
        loopShare = Double(facts.reduce(0) { $0 + $1.loops }) / Double(turns)
        exitShare = Double(traces.count { $0.exit == .exit }) / total
        prematureExitShare = Double(facts.count(where: \.exitedEarly)) / total
        let judged = traces.filter { $0.visiblePassed && $0.hiddenSolved != nil }
        let hasHidden = traces.contains { $0.hiddenSolved != nil }
        hiddenFailureShare =
            hasHidden ? Double(judged.count { $0.hiddenSolved == false }) / Double(max(1, judged.count)) : nil

        let sizes = run.editSizes(passing: passing)
        if !sizes.isEmpty {
            func mean(_ value: (EditSize) -> Int) -> Double {
                Double(sizes.values.reduce(0) { $0 + value($1) }) / Double(sizes.count)
            }
            excessDistance = mean(\.excess)
            linesTouched = mean(\.lines)
            linesNeeded = mean(\.neededLines)
            overEditedShare = mean { $0.isOverEdited ? 1 : 0 }
        }

        func groups(_ names: [String: String]) -> [Group] {
            let members = Dictionary(grouping: run.tasks) { names[$0.id] ?? "unknown" }
            return members.map { name, tasks in
                let results = tasks.map { results[$0.id] ?? TaskResult() }
                return Group(
                    name: name, tasks: tasks.count,
                    passAt1: Estimate(results.map { $0.pass(1, of: samples) }, seed: seed),
                    passAtMost: results.reduce(0) { $0 + $1.pass(samples, of: samples) } / Double(tasks.count),
                    majority: Double(results.count { 2 * $0.solved > samples }) / Double(tasks.count))
            }
        }
        var failures: [String: String] = [:]
        for trace in traces where failures[trace.task] == nil {
            if let report = trace.initialReport {
                failures[trace.task] = report.failureKind ?? (report.hiddenPassed ? "passes" : "hidden tests")
            }
        }
        byFailure = groups(failures).sorted { ($1.tasks, $0.name) < ($0.tasks, $1.name) }
        byDistance = groups(
            run.tasks.reduce(into: [:]) { names, task in
                names[task.id] = task.distanceToPassing.map(Self.distanceName)
            }
        ).sorted { Self.rank($0.name) < Self.rank($1.name) }
    }

    private static let distanceBounds = [10, 25, 50, 100, 200]

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

/// What became of one task's samples.
struct TaskResult: Hashable, Sendable {
    var solved = 0

    /// The chance that one of `k` samples is solved.
    func pass(_ k: Int, of samples: Int) -> Double { passAtK(samples: samples, solved: min(solved, samples), k: k) }
}

extension EvaluationRun {
    var results: [String: TaskResult] {
        var results: [String: TaskResult] = [:]
        for task in tasks { results[task.id] = TaskResult() }
        for trace in traces where trace.solved { results[trace.task]?.solved += 1 }
        return results
    }

    /// The final programs of solved episodes, by task.
    public var solutions: [String: Set<String>] {
        traces.reduce(into: [:]) { if $1.solved { $0[$1.task, default: []].insert($1.finalProgram) } }
    }

    /// The size of each solved episode's edit.
    ///
    /// - Parameter passing: programs known to pass, by task, besides the references and the run's own.
    public func editSizes(passing: [String: Set<String>] = [:]) -> [EpisodeID: EditSize] {
        let solutions = solutions
        let byID = Dictionary(tasks.map { ($0.id, $0) }) { first, _ in first }
        var cache: [String: (distance: Int, lines: Int)] = [:]
        var sizes: [EpisodeID: EditSize] = [:]
        for trace in traces where trace.solved {
            var programs = solutions[trace.task, default: []].union(passing[trace.task] ?? [])
            var known: Int?
            if let task = byID[trace.task] {
                if let reference = task.reference { programs.insert(reference) }
                if case .number(let distance)? = task.meta?["lev_nearest_passing"] { known = Int(distance) }
            }
            sizes[EpisodeID(trace)] = EditSize(trace, passing: programs, known: known, cache: &cache)
        }
        return sizes
    }
}
