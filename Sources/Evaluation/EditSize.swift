public import Runs
public import StatefulTools

/// How much an episode changed, against the least that is known to suffice; in the tool's own units.
public struct EditSize: Hashable, Sendable {
    /// From the start to the final state.
    public var made: StateDifference
    /// From the start to the nearest state known to pass.
    public var needed: StateDifference

    /// The distance beyond the needed one.
    public var excess: Int { made.distance - needed.distance }
    /// Whether it took more commands than needed.
    public var isOverEdited: Bool { made.commands > needed.commands }

    public init(made: StateDifference, needed: StateDifference) {
        self.made = made
        self.needed = needed
    }
}

extension Tool {
    /// The distance to a passing state that the data set names (`meta.lev_nearest_passing`).
    var namedDistance: Int? {
        if case .number(let distance)? = task.fields["meta"]?["lev_nearest_passing"], (0...0x1p40).contains(distance) {
            Int(exactly: distance)
        } else {
            nil
        }
    }

    /// How far the start state is from the nearest one known to pass: as the data set names it, else from the known
    /// solution; nil where neither is there.
    public var distanceToPassing: Int? { namedDistance ?? distanceToSolution }
}

extension EvaluationRun {
    /// The final states of solved episodes, by task.
    public var solutions: [String: Set<String>] {
        traces.reduce(into: [:]) { if $1.solved { $0[$1.task, default: []].insert($1.finalState) } }
    }

    /// The size of each solved episode's edit; none where the tool has no measure or the task is not known.
    ///
    /// - Parameter passing: states known to pass, by task, besides the known solutions and the run's own.
    public func editSizes(passing: [String: Set<String>] = [:]) -> [EpisodeID: EditSize] {
        let solutions = solutions
        let byID = Dictionary(tasks.map { ($0.id, $0) }) { first, _ in first }
        /// By start and end.
        var cache: [[String]: StateDifference] = [:]
        var sizes: [EpisodeID: EditSize] = [:]
        for trace in traces where trace.solved {
            guard let task = byID[trace.task] else { continue }
            func difference(_ state: String) -> StateDifference? {
                let key = [trace.initialState, state]
                if let known = cache[key] { return known }
                let difference = type(of: task).difference(trace.initialState, state)
                cache[key] = difference
                return difference
            }
            guard let made = difference(trace.finalState) else { continue }
            var states = solutions[trace.task, default: []].union(passing[trace.task] ?? [])
            if let solution = task.solution { states.insert(solution) }
            let ways = states.compactMap(difference) + [made]
            let distances = ways.map(\.distance) + (task.namedDistance.map { [$0] } ?? [])
            let needed = StateDifference(
                distance: distances.min() ?? made.distance, commands: ways.map(\.commands).min() ?? made.commands)
            sizes[EpisodeID(trace)] = EditSize(made: made, needed: needed)
        }
        return sizes
    }
}
