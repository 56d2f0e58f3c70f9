public import Episodes
import LineEditor
public import PythonSandbox
public import RepairTasks

/// What one episode shows besides whether it was solved.
public struct EpisodeFacts: Hashable, Sendable {
    /// The turn (from 1) after which the program stayed solved to the end; 0 when it was given so, nil when not solved.
    public var solvedAt: Int?
    /// Turns whose completion could not be read as a command.
    public var malformed = 0
    /// Turns with a command that this program could not take, or that changed nothing.
    public var failed = 0
    /// Turns that came back to a program that was there before, or repeated a command on the same program.
    public var loops = 0
    /// EXIT while visible tests failed.
    public var exitedEarly: Bool

    public init(_ trace: Trace) {
        if trace.solved {
            let unsolved = trace.turns.lastIndex { !($0.report.passed && $0.report.hiddenPassed) }
            if let unsolved {
                solvedAt = unsolved + 2
            } else {
                solvedAt = trace.initialReport.map { $0.passed && $0.hiddenPassed } == true ? 0 : 1
            }
        }
        exitedEarly = trace.exit == .exit && !trace.visiblePassed
        guard trace.method == "coe" || trace.method == "oracle" else { return }
        var program = Episodes.programDigest(trace.initialProgram)
        var seen = [program] as Set<String>
        var said: Set<[String]> = []
        for turn in trace.turns {
            if turn.command == nil { malformed += 1 } else if turn.error != nil { failed += 1 }
            let isRepeated = !said.insert([program, turn.completion.text]).inserted
            let isBack = turn.programDigest != program && !seen.insert(turn.programDigest).inserted
            if isRepeated || isBack { loops += 1 }
            program = turn.programDigest
        }
    }
}

extension SandboxReport {
    /// How most of the failing visible tests fail (of equally many the first), by Python's names where it has one:
    /// `SyntaxError`, `AssertionError`, `Timeout`, …; nil when none fails.
    public var failureKind: String? {
        if let programError { return programError.type }
        var counts: [String: Int] = [:]
        var order: [String] = []
        for test in tests where test.status != .passed && test.status != .skipped {
            let kind =
                switch test.status {
                case .error: test.errorType ?? "Error"
                case .timeout: "Timeout"
                case .memory: "MemoryError"
                case .outputLimit: "OutputLimit"
                case .notRun: "NotRun"
                default: "AssertionError"
                }
            if counts[kind] == nil { order.append(kind) }
            counts[kind, default: 0] += 1
        }
        let most = counts.values.max()
        return order.first { counts[$0] == most }
    }
}

extension RepairTask {
    /// The character edit distance from the faulty program to the nearest program known to pass, as the data set has it
    /// (`meta.lev_nearest_passing`), else to the reference; nil when neither is there.
    public var distanceToPassing: Int? {
        if case .number(let known)? = meta?["lev_nearest_passing"] { return Int(known) }
        return reference.map { editDistance(program, $0) }
    }
}

/// How large an edit was against the smallest one known to suffice.
public struct EditSize: Hashable, Sendable {
    /// Characters inserted, deleted or replaced (Levenshtein).
    public var distance: Int
    /// The same to the nearest program known to pass.
    public var neededDistance: Int
    /// Commands of the shortest edit script between the programs.
    public var lines: Int
    /// The same to the nearest program known to pass.
    public var neededLines: Int

    public var excess: Int { distance - neededDistance }
    /// Whether more lines were touched than needed.
    public var isOverEdited: Bool { lines > neededLines }

    /// - Parameters:
    ///   - trace: an episode that was solved.
    ///   - passing: programs known to pass, this one among them or not.
    ///   - known: a distance to a passing program whose text is not at hand.
    init(_ trace: Trace, passing: Set<String>, known: Int?, cache: inout [String: (distance: Int, lines: Int)]) {
        func size(_ program: String) -> (distance: Int, lines: Int) {
            let key = trace.initialProgram + "\u{0}" + program
            if let size = cache[key] { return size }
            let script = EditScript(
                from: ProgramText(trace.initialProgram).lines, to: ProgramText(program).lines)
            let size = (editDistance(trace.initialProgram, program), script.changes.count)
            cache[key] = size
            return size
        }
        let own = size(trace.finalProgram)
        let others = passing.map(size)
        distance = own.distance
        lines = own.lines
        neededDistance = min(own.distance, known ?? own.distance, others.map(\.distance).min() ?? own.distance)
        neededLines = min(own.lines, others.map(\.lines).min() ?? own.lines)
    }
}
