import Foundation
import LineEditor
import PythonSandbox
import RepairTasks
import Testing

@testable import Episodes

/// Episodes in the real sandbox.
@Suite struct EpisodeRunnerTests {
    func run<Result>(_ body: (PythonSandbox) async throws -> Result) async throws -> Result {
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
        do {
            let result = try await body(sandbox)
            await sandbox.shutdown()
            return result
        } catch {
            await sandbox.shutdown()
            throw error
        }
    }

    @Test(arguments: 0..<WorkedExample.all.count)
    func `the feedback of the worked examples is what the sandbox says`(index: Int) async throws {
        let example = WorkedExample.all[index]
        try await run { sandbox in
            let policy = ScriptedPolicy(commands: example.turns.map(\.command))
            let trace = try await EpisodeRunner(policy: policy, sandbox: sandbox)
                .play(example.task, sampling: SamplingParameters())
            let first = try #require(trace.initialReport)
            #expect(Prompt.feedback(first) == example.feedback)
            #expect(trace.turns.dropLast().map { Prompt.feedback($0.report) } == example.turns.map(\.feedback))
            #expect(trace.solved)
            #expect(trace.exit == .exit)
            #expect(trace.reward == 1)
        }
    }

    @Test func `hidden tests decide whether a task is solved`() async throws {
        var task = EpisodeTests.task
        task.hiddenTests = ["assert add(2, 2) == 4"]
        try await run { sandbox in
            let trick = ScriptedPolicy(completions: ["### REPL 2 >>>    return 3", "### EXIT"])
            let trace = try await EpisodeRunner(policy: trick, sandbox: sandbox)
                .play(task, sampling: SamplingParameters())
            #expect(trace.visiblePassed)
            #expect(trace.hiddenSolved == false)
            #expect(!trace.solved)
        }
    }

    @Test func `a trace survives its JSON line and gives back its tokens`() async throws {
        let trace = try await run { sandbox in
            try await EpisodeRunner(policy: ScriptedPolicy(completions: ["no", EpisodeTests.fix]), sandbox: sandbox)
                .play(EpisodeTests.task, sampling: SamplingParameters(seed: 7))
        }
        let line = try JSONEncoder().encode(trace)
        #expect(!line.contains(0x0A))
        #expect(try JSONDecoder().decode(Trace.self, from: line) == trace)

        var turn = trace.turns[0]
        turn.completion = Completion(text: "", promptTokenIDs: [1, 2], tokenIDs: [3], logProbabilities: [-0.5])
        let tokens = Trace(
            task: "", sample: 0, seed: 0, method: "coe", policy: "", initialProgram: "", initialReport: nil,
            turns: [turn, turn], finalProgram: "", finalReport: nil, exit: .exit, seconds: 0)
        #expect(tokens.sequence.tokenIDs == [1, 2, 3, 1, 2, 3])
        #expect(tokens.sequence.mask == [false, false, true, false, false, true])
        #expect(tokens.sequence.logProbabilities == [0, 0, -0.5, 0, 0, -0.5])
        #expect(tokens.tokens == 2)
    }

    @Test func `every state is observed once, the initial one first`() async throws {
        final class Log: @unchecked Sendable { var programs: [String] = [] }
        let log = Log()
        _ = try await run { sandbox in
            try await EpisodeRunner(policy: ScriptedPolicy(completions: ["no", EpisodeTests.fix]), sandbox: sandbox)
                .play(EpisodeTests.task, sampling: SamplingParameters()) { turn, program, report in
                    log.programs.append("\(turn?.command?.description ?? "-") \(report.passed) \(program.lines[1])")
                }
        }
        #expect(
            log.programs == [
                "- false     return a - b", "- false     return a - b", "\(EpisodeTests.fix) true     return a + b",
                "### EXIT true     return a + b",
            ])
    }
}
