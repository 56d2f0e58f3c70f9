import Foundation
import PythonRepair
import PythonSandbox
import StatefulTools

@testable import Evaluation

/// Answers with the next of its completions, whatever session asks, and counts a token for each word.
actor Answers {
    private var remaining: [String]
    private(set) var seeds: [UInt64] = []

    init(_ completions: [String]) { remaining = completions }

    func next() throws -> Completion {
        if remaining.isEmpty { throw Failure() }
        let text = remaining.removeFirst()
        if text == "BREAK" { throw Failure() }
        let words = Array(0..<text.split(separator: " ").count)
        return Completion(
            text: text, promptTokenIDs: [0, 0], tokenIDs: words, logProbabilities: words.map { _ in -1 })
    }

    func note(_ seed: UInt64) { seeds.append(seed) }

    struct Failure: Error, CustomStringConvertible {
        var description: String { "The server answered 500." }
    }
}

struct AnsweringPolicy: Policy {
    var name = "answers"
    var answers: Answers

    init(_ completions: [String]) { answers = Answers(completions) }

    func beginSession(
        messages: [ChatMessage], sampling: SamplingParameters, maxTokens: Int
    ) async throws -> any PolicySession {
        await answers.note(sampling.seed)
        return Session(answers: answers)
    }

    struct Session: PolicySession {
        var answers: Answers
        func respond(_ guidance: Guidance) async throws -> Completion { try await answers.next() }
        func append(_ message: ChatMessage) {}
        func end() {}
    }
}

extension RepairTask {
    /// The task as a start state.
    var start: any Tool {
        // A value that was made here always encodes.
        guard let start = try? PythonRepair(self) else { preconditionFailure() }
        return start
    }
}

extension Trace {
    /// An episode as a run would record it, judged by hand. Without turns it has one, which leads to `final`.
    static func made(
        _ task: String, sample: Int = 0, solved: Bool = false, final: String = "", initial: String = "x = 0\n",
        turns: [Turn] = [], exit: EpisodeExit = .passed, method: String = "coe"
    ) -> Trace {
        let start = RepairTask(id: task, prompt: "", program: initial, tests: .statements(["assert 1"])).start
        let turn = Turn.made("### EXIT", program: final, solved ? .passing : .failing)
        var trace = Trace(
            start: start, sample: sample, seed: 0, method: method, policy: "made", initialVerdict: .failing,
            turns: turns.isEmpty ? [turn] : turns, exit: exit)
        trace.seconds = 1
        return trace
    }
}

extension Verdict {
    static let passing = Verdict.made(passed: true)
    static let failing = Verdict.made(passed: false)

    static func made(passed: Bool, hidden: Bool? = nil) -> Verdict {
        Verdict(
            passed: passed, hiddenPassed: hidden, feedback: passed ? "The test passes." : "test 1: failed",
            progress: passed ? 1 : 0, failure: passed ? nil : "AssertionError",
            checks: [Check(name: "t", outcome: passed ? "passed" : "failed")])
    }
}

extension Turn {
    /// A turn after which the state is `program`.
    static func made(_ text: String, program: String, _ verdict: Verdict = .failing, error: String? = nil) -> Turn {
        Turn(
            completion: Completion(text: text, tokenIDs: [1, 2]), command: text.commandLine, error: error,
            state: program, verdict: verdict)
    }
}

func temporaryFolder() -> URL { FileManager.default.temporaryDirectory.appending(path: "run-\(UUID())") }
