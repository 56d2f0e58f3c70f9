public import PythonSandbox
public import StatefulTools

/// Repair of a Python program by a line editor with five commands; after each command the unit tests are run
/// (arXiv 2507.05065).
public struct PythonRepair: Tool {
    public static let name = "python"
    public static let summary =
        "A faulty Python program is repaired by a line editor; after each command the unit tests are run."

    public private(set) var task: ToolTask
    /// The task's own fields. Its program is the one that the episode starts with.
    public private(set) var repair: RepairTask
    /// The program as it is.
    public private(set) var program: ProgramText
    /// What one run of the tests may use.
    public var limits = SandboxLimits()
    /// The lines that are shown; all when nil.
    public var shownLines: LineWindow?
    /// The lines that commands may change; all when nil.
    public var editableLines: LineWindow?

    /// The most bytes of a program; a substitution could grow one by the square of its length.
    public static let largestProgram = 256 << 10

    public init(_ task: ToolTask) throws {
        if let field = task.fields.keys.sorted().first(where: { !RepairTask.fields.contains($0) }) {
            throw ToolTaskError(
                .badField,
                "task \"\(task.id)\": the field \"\(field)\" is unknown; what else belongs to a task goes into \"meta\""
            )
        }
        self.task = task
        repair = try task.decode(RepairTask.self)
        program = ProgramText(repair.program)
    }

    public init(_ repair: RepairTask) throws {
        task = try ToolTask(repair, tool: Self.name)
        self.repair = repair
        program = ProgramText(repair.program)
    }

    public var state: String { program.text }

    /// The same task, begun with another program.
    public func starting(with program: String) -> PythonRepair {
        var copy = self
        copy.repair.program = program
        copy.task.fields["program"] = .string(program)
        copy.program = ProgramText(program)
        return copy
    }

    /// The same task under another id.
    public func named(_ id: String) -> PythonRepair {
        var copy = self
        copy.repair.id = id
        copy.task.id = id
        return copy
    }

    // MARK: - Commands

    public func read(_ completion: String) throws(CommandFault) -> String {
        do {
            return try Command(parsing: completion).description
        } catch {
            throw CommandFault(error.description, isMalformed: error.isMalformed)
        }
    }

    public mutating func apply(_ command: String) throws(CommandFault) -> Effect {
        do {
            let command = try Command(parsing: command)
            if program.bytes(after: command) > Self.largestProgram {
                throw CommandFault(
                    "the program would grow beyond \(Self.largestProgram) bytes", isMalformed: false)
            }
            if let editableLines, !editableLines.allows(command) {
                throw CommandFault(
                    "line \(command.line ?? 0) may not be changed, only \(editableLines)", isMalformed: false)
            }
            let before = program
            try program.apply(command)
            shownLines?.follow(command)
            editableLines?.follow(command)
            if command == .exit { return .done }
            if program == before { return .unchanged }
            return program.differsInBlanksAlone(from: before) ? .cosmetic : .changed
        } catch let error as CommandError {
            throw CommandFault(error.description, isMalformed: error.isMalformed)
        } catch let fault as CommandFault {
            throw fault
        } catch {
            throw CommandFault("\(error)", isMalformed: true)
        }
    }

    public func grammar(allowsExit: Bool) -> Grammar? {
        program.grammar(allowsExit: allowsExit, within: editableLines)
    }

    public var draft: Draft? {
        guard let shownLines else { return LineCopies(lines: program.lines).continuation(of:) }
        // Lines that are not shown are no source, and there may be thousands.
        let lines = program.lines.enumerated().map { shownLines.contains($0.offset + 1) ? $0.element : "" }
        return LineCopies(lines: lines).continuation(of:)
    }

    // MARK: - Verdict

    /// What the tests report on the program as it is.
    public func report(in sandbox: PythonSandbox) async throws(SandboxError) -> SandboxReport {
        try await sandbox.run(repair.job(program: state, limits: limits))
    }

    public func judge(in sandbox: PythonSandbox) async throws -> Verdict {
        let report = try await report(in: sandbox)
        // A later state that is refused has made itself so: it does not pass. The tests are known to be usable by then.
        if let refusal = report.refusal, report.isRefusedForEveryProgram || state == repair.program { throw refusal }
        return Verdict(report)
    }

    // MARK: - Solutions

    public var solution: String? { repair.reference }

    /// The fewest commands from the program to the reference, then EXIT.
    public var oracle: [String]? {
        repair.reference.map { reference in
            let script = EditScript(from: program.lines, to: ProgramText(reference).lines)
            return (script.commands + [.exit]).map(\.description)
        }
    }

    /// The shortest edits to the reference in random order, those nearest to the fault first.
    public func expert(_ verdict: Verdict?, using random: inout SeededGenerator) -> [Step]? {
        guard let reference = repair.reference else { return nil }
        var plan = RepairPlan(EditScript(from: program.lines, to: ProgramText(reference).lines))
        let line = verdict?.checks.lazy.filter { !$0.passed }.compactMap(\.line).first
        for slot in plan.order(from: line, using: &random) { plan.repair(slot, using: &random) }
        return plan.steps
    }

    public static func difference(_ first: String, _ second: String) -> StateDifference? {
        let script = EditScript(from: ProgramText(first).lines, to: ProgramText(second).lines)
        return StateDifference(distance: editDistance(first, second), commands: script.changes.count)
    }

    public func answered(_ text: String) -> PythonRepair? {
        var copy = self
        copy.program = ProgramText(Self.program(in: text))
        return copy
    }

    /// Whether the command can be carried out, names a line that must change, does with it what must be done, and brings
    /// the program one edit closer to the reference.
    public func grade(_ completion: String) -> [String: Bool] {
        var facts = ["executable": false, "line": false, "command": false, "exact": false]
        var after = program
        guard let reference = repair.reference, let command = try? Command(parsing: completion), command != .exit,
            (try? after.apply(command)) != nil
        else { return facts }
        let target = ProgramText(reference).lines
        let script = EditScript(from: program.lines, to: target)
        let wanted = script.changes.map { script.command(for: $0, done: []) }
        facts["executable"] = true
        facts["line"] = wanted.contains { $0.line == command.line }
        facts["command"] = wanted.contains { $0.line == command.line && $0.kind == command.kind }
        facts["exact"] = EditScript(from: after.lines, to: target).changes.count < script.changes.count
        return facts
    }
}

extension Command {
    fileprivate enum Kind { case change, delete, insert, exit }

    fileprivate var kind: Kind {
        switch self {
        case .replace, .substitute: .change
        case .delete: .delete
        case .insert: .insert
        case .exit: .exit
        }
    }
}

extension ProgramText {
    /// The most bytes that the program can have after a command.
    fileprivate func bytes(after command: Command) -> Int {
        let bytes = lines.reduce(0) { $0 + $1.utf8.count + 1 }
        switch command {
        case .insert(_, let content), .replace(_, let content): return bytes + content.utf8.count + 1
        case .substitute(let line, let old, let new):
            guard lines.indices.contains(line - 1), !old.isEmpty else { return bytes }
            return bytes + lines[line - 1].utf8.count / old.utf8.count * new.utf8.count
        case .delete, .exit: return 0
        }
    }
}
