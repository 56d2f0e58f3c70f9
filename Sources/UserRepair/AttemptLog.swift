import PythonRepair
public import StatefulTools
import Synchronization

/// What the attempts at one repair have found so far.
public final class AttemptLog: Sendable {
    /// One edit of an attempt.
    private struct Edit: Hashable {
        var line: Int
        var verb: String
    }

    /// A program that an attempt came to.
    public struct Find: Sendable {
        public var program: String
        public var verdict: Verdict
    }

    private struct State {
        var edits = 0
        /// Each attempt's edits, in the order in which they came.
        var attempts: [Int: Set<Edit>] = [:]
        var best: Find?
        var solved: [String] = []
        /// Programs that pass the tests that were shown and fail one that was not.
        var passing: [String] = []
        var firstSolved: ContinuousClock.Instant?
        var complaints: Set<String> = []
    }

    private let state = Mutex(State())

    public init() {}

    /// Notes a state of an attempt; no turn for the initial one.
    public func note(_ sample: Int, _ turn: Turn?, _ tool: any Tool, _ verdict: Verdict) {
        state.withLock { state in
            if let turn, turn.error == nil, let text = turn.command, let command = try? Command(parsing: text) {
                state.edits += 1
                if let line = command.line {
                    state.attempts[sample, default: []].insert(Edit(line: line, verb: PythonRepair.verb(text)))
                }
            }
            if state.best.map({ verdict.progress > $0.verdict.progress }) ?? true {
                state.best = Find(program: tool.state, verdict: verdict)
            }
            if verdict.solved {
                state.solved.append(tool.state)
                state.firstSolved = state.firstSolved ?? .now
            } else if verdict.passed {
                state.passing.append(tool.state)
            }
        }
    }

    /// Whether a complaint comes for the first time.
    public func isNew(_ complaint: String) -> Bool { state.withLock { $0.complaints.insert(complaint).inserted } }

    public var edits: Int { state.withLock { $0.edits } }
    public var solved: [String] { state.withLock { $0.solved } }
    public var passing: [String] { state.withLock { $0.passing } }
    public var firstSolved: ContinuousClock.Instant? { state.withLock { $0.firstSolved } }
    /// The state with the most passing tests.
    public var best: Find? { state.withLock { $0.best } }

    /// The line, then the kind of edit, that most attempts agree on; nil where no two agree.
    public var hint: String? {
        state.withLock { state in
            var lines: [Int: Int] = [:]
            for edits in state.attempts.values {
                for line in Set(edits.map(\.line)) { lines[line, default: 0] += 1 }
            }
            guard let (line, count) = lines.max(by: { ($0.value, -$0.key) < ($1.value, -$1.key) }), count > 1 else {
                return nil
            }
            var verbs: [String: Int] = [:]
            for edits in state.attempts.values {
                for edit in edits where edit.line == line { verbs[edit.verb, default: 0] += 1 }
            }
            let verb = verbs.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? ""
            let kind = ["DELL": "deleting it", "ADDL": "adding a line before it", "REPL": "rewriting it"][verb]
            return "\(count) of \(state.attempts.count) attempts edited line \(line), "
                + "most by \(kind ?? "replacing a part of it")."
        }
    }
}
