public import PythonSandbox
public import StatefulTools

/// Judges stored traces again, without a model: states and verdicts must follow from the commands alone.
public struct Verification: Sendable {
    /// One difference between a trace and what it should be.
    public struct Finding: Hashable, Sendable, Codable {
        public var task: String
        public var sample: Int
        /// From 1; nil where it is about the whole episode.
        public var turn: Int?
        public var problem: String
    }

    public var sandbox: PythonSandbox

    public init(sandbox: PythonSandbox) { self.sandbox = sandbox }

    /// Replays an episode: each command or answer gives the recorded state, each state the recorded verdict.
    ///
    /// - Parameter task: the start state.
    /// - Throws: `SandboxError` for faults of the sandbox.
    public func findings(in trace: Trace, of task: any Tool) async throws -> [Finding] {
        var findings: [Finding] = []
        func find(_ turn: Int?, _ problem: String) {
            findings.append(Finding(task: trace.task, sample: trace.sample, turn: turn, problem: problem))
        }
        guard let initial = trace.initialVerdict else {
            if trace.solved { find(nil, "it counts as solved, but was never judged") }
            return findings
        }
        if !same(trace.initialState, task.state) { find(nil, "it began with another state than the task's") }
        var tool = task
        var verdict = try await tool.judge(in: sandbox)
        if !initial.agrees(with: verdict) {
            find(nil, "the start is judged otherwise: \(initial.difference(from: verdict))")
        }
        var recorded = trace.initialState
        for (index, turn) in trace.turns.enumerated() {
            let before = tool.state
            if trace.hasCommands {
                let command = try? tool.read(turn.completion.text)
                if command != turn.command { find(index + 1, "its text holds another command than recorded") }
                if let command = turn.command { _ = try? tool.apply(command) }
            } else {
                tool = task.answered(turn.completion.text) ?? task
            }
            recorded = turn.state ?? recorded
            if !same(recorded, tool.state) { find(index + 1, "it gives another state than recorded") }
            if !same(before, tool.state) { verdict = try await tool.judge(in: sandbox) }
            if !turn.verdict.agrees(with: verdict) {
                find(index + 1, "the state is judged otherwise: \(turn.verdict.difference(from: verdict))")
            }
        }
        if verdict.solved != trace.solved {
            find(nil, trace.solved ? "it counts as solved, but is not" : "it counts as not solved, but is")
        }
        return findings
    }

    /// Whether two states are the same bytes; `==` takes canonically equivalent characters for equal.
    private func same(_ first: String, _ second: String) -> Bool { first.utf8.elementsEqual(second.utf8) }
}

extension Verdict {
    /// How everything ended, without words and times that differ between machines.
    private var outcomes: [String] {
        let outcomes = checks.map(\.outcome)
        // How many checks a slow state gets to before the time is over depends on the machine.
        let isSlow = outcomes.contains("timeout")
        return outcomes.map { isSlow && $0 == "notRun" ? "timeout" : $0 }
            + [passed ? "passes" : isSlow ? "fails" : "fails: \(failure ?? "")"]
            + (hiddenPassed.map { [$0 ? "passes hidden checks" : "fails hidden checks"] } ?? [])
    }

    /// Whether both say the same of every check.
    fileprivate func agrees(with other: Verdict) -> Bool { outcomes == other.outcomes }

    fileprivate func difference(from other: Verdict) -> String {
        "recorded \(outcomes.joined(separator: ", ")); now \(other.outcomes.joined(separator: ", "))"
    }
}
