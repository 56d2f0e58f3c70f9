import Foundation
public import PythonRepair
import PythonSandbox
public import StatefulTools
public import UserRunner

/// Where the attempts to repair a user's file begin, and how their programs are judged.
public struct RepairStart: Sendable {
    /// The program, or the part of a long one that matters.
    public var tool: PythonRepair
    /// Only the functions that the failing tests call or fail in: models know single functions best. Nil where that is all.
    public var narrow: PythonRepair?
    public let shown: ShownTests
    /// The ids of tests that decide and are not shown.
    public let hidden: Set<String>
    private let program: UserProgram
    private let runner: UserRunner

    /// What a user may say about a repair.
    public struct Wishes: Sendable {
        /// What the program should do, in words; the docstring when empty.
        public var task = ""
        /// Where edits may go; everywhere when both are nil.
        public var function: String?
        public var lines: ClosedRange<Int>?

        public init(task: String = "", function: String? = nil, lines: ClosedRange<Int>? = nil) {
            self.task = task
            self.function = function
            self.lines = lines
        }
    }

    /// - Parameters:
    ///   - text: the program to begin with.
    ///   - report: the tests' report on it.
    ///   - command: the user's own test command, if any.
    ///   - hidden: the ids of tests to keep back.
    /// - Throws: ``UserProgramError`` where the wishes name lines or functions that the program lacks.
    public init(
        _ program: UserProgram, text: String, report: RunnerReport, runner: UserRunner, wishes: Wishes,
        command: String?,
        hidden: Set<String>
    ) async throws {
        let outline = try await runner.outline(of: Data(text.utf8), tests: report)
        let shown = ShownTests(outline, report, hidden: hidden)
        let suite: TestSuite
        if runner.kind == .doctest {
            suite = .doctests(source: program.text)
        } else if shown.statements.isEmpty {
            suite = .statements(["# \(command ?? report.tests.map(\.id).prefix(20).joined(separator: ", "))"])
        } else {
            suite = .statements(shown.statements)
        }
        let seeds = Focus.seeds(outline, report)
        let task = wishes.task.isEmpty ? seeds.lazy.compactMap(\.doc).first ?? outline.doc ?? "" : wishes.task
        let repair = RepairTask(
            id: program.name, prompt: task.shortened(to: 600), program: text,
            moduleName: program.moduleName, tests: suite)
        var tool = try PythonRepair(repair)
        let focus = Focus.lines(of: text, outline, report)
        let wanted = try Self.wanted(wishes, outline, text, program.name)
        tool.editableLines = wanted ?? focus
        tool.shownLines = focus.map { focus in LineWindow(focus.ranges + (wanted?.ranges ?? [])) }
        self.tool = tool
        if wanted == nil, let window = Focus.narrow(seeds, text) {
            var narrow = tool
            narrow.editableLines = window
            narrow.shownLines = window
            self.narrow = narrow
        }
        self.shown = shown
        self.hidden = hidden
        self.program = program
        self.runner = runner
    }

    private static func wanted(
        _ wishes: Wishes, _ outline: ProgramOutline, _ text: String, _ name: String
    ) throws(UserProgramError) -> LineWindow? {
        if let function = wishes.function {
            guard let window = Focus.lines(ofFunction: function, outline) else {
                let names = outline.functions.map(\.name).prefix(20).joined(separator: ", ")
                throw UserProgramError(
                    "\(name) has no function \(function); it has \(names.isEmpty ? "none" : names).")
            }
            return window
        }
        guard let lines = wishes.lines else { return nil }
        let count = ProgramText(text).lines.count
        guard lines.upperBound <= count else {
            throw UserProgramError("--lines \(lines.lowerBound)-\(lines.upperBound): \(name) has \(count) lines.")
        }
        return LineWindow([lines])
    }

    /// Judges a state of the tool by the user's runner.
    public func judge(_ state: any Tool) async throws -> Verdict {
        guard let data = program.encoded(state.state) else {
            return Verdict(
                passed: false, feedback: "UnicodeEncodeError: a character is not in the file's encoding", progress: 0,
                failure: "UnicodeEncodeError")
        }
        return Verdict(try await runner.judge(data), shown: shown, hidden: hidden)
    }
}

extension UserProgram {
    /// The name under which tests import the program, for a task file.
    var moduleName: String {
        let stem = URL(filePath: path).deletingPathExtension().lastPathComponent
        return String(stem.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") ? $0 : "_" })
    }
}
