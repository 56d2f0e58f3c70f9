public import Episodes
import LineEditor
public import PythonSandbox
public import RepairTasks

/// Judges stored traces again, without a model: what was recorded must follow from the commands alone.
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
    public var limits: SandboxLimits

    public init(sandbox: PythonSandbox, limits: SandboxLimits = SandboxLimits()) {
        self.sandbox = sandbox
        self.limits = limits
    }

    /// Replays an episode: each command or answer gives the recorded program, each program the recorded verdicts.
    ///
    /// - Throws: ``SandboxError`` for faults of the sandbox.
    public func findings(in trace: Trace, of task: RepairTask) async throws -> [Finding] {
        var findings: [Finding] = []
        func find(_ turn: Int?, _ problem: String) {
            findings.append(Finding(task: trace.task, sample: trace.sample, turn: turn, problem: problem))
        }
        guard trace.initialReport != nil else {
            if trace.solved { find(nil, "it counts as solved, but was never judged") }
            return findings
        }
        if !trace.initialProgram.utf8.elementsEqual(task.program.utf8) {
            find(nil, "it began with another program than the task's")
        }
        let isEditing = trace.method == "coe" || trace.method == "oracle"
        var program = ProgramText(trace.initialProgram)
        var text = trace.initialProgram
        var verdict = try await sandbox.run(task.job(program: text, limits: limits))
        if let recorded = trace.initialReport, !recorded.agrees(with: verdict) {
            find(nil, "the first program's tests end otherwise: \(recorded.difference(from: verdict))")
        }
        for (index, turn) in trace.turns.enumerated() {
            if isEditing {
                if let command = turn.command { try? program.apply(command) }
                text = program.text
            } else {
                text = ProgramAnswer.program(in: turn.completion.text)
            }
            if turn.programDigest != programDigest(text) { find(index + 1, "it gives another program than recorded") }
            verdict = try await sandbox.run(task.job(program: text, limits: limits))
            if !turn.report.agrees(with: verdict) {
                find(index + 1, "the tests end otherwise: \(turn.report.difference(from: verdict))")
            }
        }
        if !text.utf8.elementsEqual(trace.finalProgram.utf8) {
            find(nil, "the turns don't lead to the recorded final program")
            verdict = try await sandbox.run(task.job(program: trace.finalProgram, limits: limits))
        }
        let isSolved = verdict.passed && verdict.hiddenPassed
        if isSolved != trace.solved {
            find(nil, trace.solved ? "it counts as solved, but is not" : "it counts as not solved, but is")
        }
        return findings
    }
}

extension SandboxReport {
    private var verdicts: [String] {
        let statuses = (tests + hiddenTests).map(\.status)
        // How many tests a slow program gets to before the time is over depends on the machine.
        let isSlow = statuses.contains(.timeout)
        return [programError?.type ?? ""]
            + statuses.map { isSlow && $0 == .notRun ? TestOutcome.Status.timeout.rawValue : $0.rawValue }
    }

    /// Whether every test ends alike.
    fileprivate func agrees(with other: SandboxReport) -> Bool { verdicts == other.verdicts }

    fileprivate func difference(from other: SandboxReport) -> String {
        func shown(_ report: SandboxReport) -> String {
            report.programError?.type ?? report.tests.map(\.status.rawValue).joined(separator: ", ")
                + (report.hiddenTests.isEmpty
                    ? "" : "; hidden: " + report.hiddenTests.map(\.status.rawValue).joined(separator: ", "))
        }
        return "recorded \(shown(self)); now \(shown(other))"
    }
}
