import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The states that a search has seen, each once, however many ways lead to it.
struct SearchGraph: Sendable {
    struct Node: Sendable {
        var tool: any Tool
        var verdict: Verdict
        /// The shortest way found from the start state.
        var path: [Turn]
        /// How often commands were sampled in the state.
        var visits = 0
        /// The commands tried in the state.
        var tried: Set<String> = []
        /// Whether a sample brought no new command.
        var isSpent = false
    }

    private(set) var nodes: [Node] = []
    private var places: [String: Int] = [:]

    /// Adds a state, or a shorter way to a known one.
    mutating func add(_ tool: any Tool, _ verdict: Verdict, path: [Turn]) {
        if let place = places[tool.state] {
            if path.count < nodes[place].path.count { nodes[place].path = path }
            return
        }
        places[tool.state] = nodes.count
        nodes.append(Node(tool: tool, verdict: verdict, path: path))
    }

    /// Adds the states of an episode, with the commands that it tried in each.
    mutating func add(_ trace: Trace, from start: any Tool) {
        guard let initial = trace.initialVerdict else { return }
        var tool = start
        var path: [Turn] = []
        add(tool, initial, path: path)
        for turn in trace.turns {
            guard let command = turn.command else { continue }
            if let place = places[tool.state] { nodes[place].tried.insert(command) }
            guard turn.state != nil, (try? tool.apply(command)) != nil else { continue }
            path.append(turn)
            add(tool, turn.verdict, path: path)
        }
    }

    func verdict(of state: String) -> Verdict? { places[state].map { nodes[$0].verdict } }

    /// Notes a visit of a state and what came of it.
    mutating func visit(_ place: Int, trying commands: [String]) {
        nodes[place].visits += 1
        nodes[place].isSpent = commands.allSatisfy(nodes[place].tried.contains)
        nodes[place].tried.formUnion(commands)
    }

    /// The state to sample in next; nil where all are spent. Of equals, the one found first.
    var next: Int? {
        let open = nodes.indices.filter { !nodes[$0].isSpent && !nodes[$0].verdict.passed }
        return open.max { (priority(nodes[$0]), $1) < (priority(nodes[$1]), $0) }
    }

    /// Progress counts most. A state whose checks run at all is nearer than one whose checks don't; each visit and each
    /// step from the start makes a state less worth the next commands.
    private func priority(_ node: Node) -> Double {
        let checks = node.verdict.checks
        let runs = checks.isEmpty || checks.contains { $0.outcome != "notRun" }
        let cost = 0.22 * log(Double(1 + node.visits)) + 0.06 * Double(node.path.count)
        return node.verdict.progress + (runs ? 0.25 : 0) - cost
    }

    /// The way to the best state: a solved one before one that passes, then the most progress, the smallest change, the
    /// shortest way.
    var best: Node? {
        guard let start = nodes.first?.tool.state else { return nil }
        func rank(_ node: Node) -> (Double, Int, Int) {
            let finds = (node.verdict.solved ? 2.0 : 0) + (node.verdict.passed ? 1 : 0)
            let distance = type(of: node.tool).difference(start, node.tool.state)?.distance ?? 0
            return (-finds - node.verdict.progress, node.verdict.passed ? distance : 0, node.path.count)
        }
        return nodes.min { rank($0) < rank($1) }
    }
}
