import CommandSupport
import Foundation
import PythonRepair
import ServeCommands
import StatefulTools
import UserRepair
import UserRunner

/// A repair of the user's file by the user's own tests, from the first report to the diff.
struct UserRepairRun {
    let command: Repair
    let program: UserProgram
    let runner: UserRunner
    let model: WarmPlayer

    private var name: String { program.name }
    private var acceptance: Acceptance { Acceptance(runner: runner, program: program) }

    func run(_ result: inout RepairResult) async throws {
        let report = try await runner.judge(program.data, details: true)
        if report.outcome == .unusable {
            throw RunnerError(
                .unusableTests, report.unusableSentence(of: name, hasTests: !command.tests.tests.isEmpty))
        }
        Terminal.say(Terminal.paint(report.headline, report.passed ? .green : .red))
        if report.passed {
            result.alreadyPassed = true
            Terminal.say("\(name) already passes.")
            return
        }
        for block in report.failures(of: name, limit: 3) { Terminal.say(block) }
        if report.failing.allSatisfy({ $0.setup == true }), !report.failing.isEmpty, report.program == nil {
            Terminal.say("Every failure is in the tests' own set-up. An edit of \(name) may not help.")
        }
        var text = program.text
        var current = report
        if ["SyntaxError", "IndentationError", "TabError"].contains(report.program?.type) {
            if try await suggestions(&text, &current, &result) { return }
        }
        try await play(from: text, current, initial: report, &result)
    }

    // MARK: - The interpreter's suggestion

    /// Tries what the interpreter suggests for a program that does not parse; true where that is the repair. Else `text`
    /// becomes the suggestion that passes most tests.
    private func suggestions(
        _ text: inout String, _ current: inout RunnerReport, _ result: inout RepairResult
    ) async throws -> Bool {
        var best: (text: String, report: RunnerReport)?
        for candidate in try await runner.suggestions(for: Data(program.text.utf8)) {
            guard let data = program.encoded(candidate) else { continue }
            let report = try await runner.judge(data, details: true)
            if report.passed {
                if let repair = try await acceptance.choose(among: [candidate]).repair {
                    result.by = "suggestion"
                    Terminal.say("The interpreter's own suggestion passes.")
                    try accept(repair, &result)
                    return true
                }
            }
            let passing = report.tests.count(where: \.passed)
            if report.program == nil, passing >= best?.report.tests.count(where: \.passed) ?? 0 {
                best =
                    best.map { passing > $0.report.tests.count(where: \.passed) ? (candidate, report) : $0 }
                    ?? (candidate, report)
            }
        }
        if let best {
            (text, current) = best
            Terminal.say("It loads with the interpreter's own suggestion: " + current.headline + ".")
        }
        return false
    }

    // MARK: - The model's attempts

    private func play(
        from text: String, _ report: RunnerReport, initial: RunnerReport, _ result: inout RepairResult
    ) async throws {
        let (policy, prompt) = try await model.load()
        let begin = ContinuousClock.now
        let end = begin + .seconds(command.timeLimit)
        var hidden = HeldBack.ids(in: report, kind: runner.kind)
        result.heldBack = hidden.sorted()
        var logs: [AttemptLog] = []
        var rejected: (program: String, reasons: [String])?
        while true {
            let start = try await RepairStart(
                program, text: text, report: report, runner: runner, wishes: command.wishes,
                command: command.tests.testCommand, hidden: hidden)
            let player = EpisodePlayer(
                policy: policy, options: command.episodes.options(of: [start.tool], prompt: prompt), judge: start.judge)
            let log = AttemptLog()
            logs.append(log)
            let deadline = hidden.isEmpty ? end : begin + .seconds(command.timeLimit * 0.6)
            let starts = command.samples == 1 ? [start.tool] : [start.narrow, start.tool].compactMap { $0 }
            result.attempts += await command.attempts(until: deadline).play(player, starts, log)
            let choice = try await acceptance.choose(among: log.solved)
            rejected = rejected ?? choice.rejected
            if let repair = choice.repair {
                result.by = "model"
                result.heldBackShown = !result.heldBack.isEmpty && hidden.isEmpty
                try accept(repair, &result)
                return
            }
            guard !hidden.isEmpty, ContinuousClock.now < end - .seconds(1) else { break }
            if let passing = log.passing.first, let data = program.encoded(passing) {
                let failing = try await runner.judge(data).failing.map(\.id).filter(hidden.contains)
                Terminal.say(
                    "An attempt passes the tests it saw and fails \(failing.prefix(3).joined(separator: ", ")). "
                        + "Now all tests are shown.")
            }
            hidden = []
            result.heldBackShown = true
        }
        try await giveUp(logs, rejected, initial: initial, &result)
    }

    private func accept(_ repair: AcceptedRepair, _ result: inout RepairResult) throws {
        result.warnings = repair.warnings
        try command.accept(repair.program, program, &result)
        if repair.droppedChanges > 0 {
            Terminal.say("Taken back, since no test needs them: \(repair.droppedChanges) changes.")
        }
        if !result.heldBack.isEmpty {
            let count = "\(result.heldBack.count) \(result.heldBack.count == 1 ? "test" : "tests")"
            Terminal.say(
                result.heldBackShown
                    ? "The model saw all tests: nothing passed \(count) that it had not seen."
                    : "It also passes \(count) that the model did not see.")
        }
        for warning in repair.warnings { Terminal.say(Terminal.paint("Warning: ", .red) + warning) }
    }

    private func giveUp(
        _ logs: [AttemptLog], _ rejected: (program: String, reasons: [String])?, initial: RunnerReport,
        _ result: inout RepairResult
    ) async throws {
        Terminal.say(Terminal.paint("Not repaired.", .red) + " \(name) is as it was.")
        if let rejected {
            result.rejected = rejected.reasons
            Terminal.say(
                "One program passes but only repeats what the tests want:\n"
                    + unifiedDiff(from: program.text, to: rejected.program, oldName: name, newName: name)
                    + rejected.reasons.joined(separator: "\n"))
        }
        let finds = logs.compactMap(\.best)
        if let best = finds.max(by: { $0.verdict.progress < $1.verdict.progress }), best.program != program.text,
            let data = program.encoded(best.program)
        {
            let report = try await runner.judge(data)
            let passing = report.tests.count(where: \.passed)
            if !report.passed, passing > initial.tests.count(where: \.passed) {
                let diff = unifiedDiff(from: program.text, to: best.program, oldName: name, newName: name)
                let failing = report.failing.map(\.id)
                result.best = RepairResult.Partial(
                    diff: diff, passing: passing, tests: report.tests.count, failing: failing)
                Terminal.say(
                    "The best attempt: \(report.headline).\n\(diff)Still failing: "
                        + failing.prefix(5).joined(separator: ", "))
            }
        }
        result.hint = logs.last?.hint
        if let hint = result.hint { Terminal.say("Hint: \(hint)") }
    }
}
