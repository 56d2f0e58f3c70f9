import Episodes
import Foundation
import LineEditor
import PythonSandbox
import RepairTasks

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
        func respond(within grammar: CommandGrammar?) async throws -> Completion { try await answers.next() }
        func append(_ message: ChatMessage) {}
        func end() {}
    }
}

extension Trace {
    /// An episode as a run would record it, judged by hand.
    static func made(
        _ task: String, sample: Int = 0, solved: Bool = false, final: String = "", initial: String = "x = 0\n",
        turns: [Turn] = [], exit: EpisodeExit = .passed, method: String = "coe"
    ) -> Trace {
        Trace(
            task: task, sample: sample, seed: 0, method: method, policy: "made", initialProgram: initial,
            initialReport: .one(.failed), turns: turns, finalProgram: final,
            finalReport: .one(solved ? .passed : .failed), exit: exit, seconds: 1)
    }
}

extension SandboxReport {
    static func one(_ status: TestOutcome.Status, hidden: TestOutcome.Status? = nil) -> SandboxReport {
        SandboxReport(
            tests: [TestOutcome(name: "t", status: status)],
            hiddenTests: hidden.map { [TestOutcome(name: "h", status: $0)] } ?? [])
    }
}

extension Turn {
    /// A turn with a command, after which the program is `program`.
    static func made(_ text: String, program: String, _ status: TestOutcome.Status = .failed, error: String? = nil)
        -> Turn
    {
        Turn(
            completion: Completion(text: text, tokenIDs: [1, 2]), command: try? Command(parsing: text), error: error,
            report: .one(status), reward: 0, programDigest: Episodes.programDigest(program))
    }
}

func temporaryFolder() -> URL { FileManager.default.temporaryDirectory.appending(path: "run-\(UUID())") }
