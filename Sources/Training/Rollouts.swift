import Episodes
import Foundation
import LanguageModels
import LineEditor
import Policies
import PythonSandbox
import RepairTasks

/// Plays many episodes turn by turn together: all wait for the last before the next turn begins.
///
/// Which tokens share a pass then depends on the seeds alone and not on how fast the sandbox was, so that a run can be
/// repeated to the last bit.
struct Rollouts: Sendable {
    let policy: LocalPolicy
    let sandbox: PythonSandbox
    let options: EpisodeOptions
    /// The most tokens of one command.
    let maxTokens: Int
    let temperature: Double

    /// Where an episode begins.
    struct Start: Sendable {
        var task: RepairTask
        var sample: Int
        var seed: UInt64
    }

    /// A finished episode, and what could be written in each turn.
    struct Rollout: Sendable {
        var trace: Trace
        var grammars: [CommandGrammar?]
    }

    private struct Player {
        let start: Start
        var episode: Episode
        var action: Episode.Action
        var session: (any PolicySession)?
        var grammars: [CommandGrammar?] = []
        var error: String?

        mutating func end(_ exit: EpisodeExit, _ reason: String) {
            episode.end(exit)
            error = reason
            action = .end
        }
    }

    /// The episodes in the order of their starts. One that the sandbox could not finish ends as ``EpisodeExit/broken``.
    func play(_ starts: [Start]) async throws -> [Rollout] {
        let begin = ContinuousClock.now
        var players = starts.map { start in
            let episode = Episode(task: start.task, options: options)
            return Player(start: start, episode: episode, action: episode.start())
        }
        while true {
            try Task.checkCancellation()
            try await test(&players)
            guard try await respond(&players) else { break }
        }
        for player in players { await player.session?.end() }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        return players.map { player in
            Rollout(
                trace: Trace(
                    player.episode, sample: player.start.sample, seed: player.start.seed, policy: policy.name,
                    error: player.error, seconds: seconds), grammars: player.grammars)
        }
    }

    /// Runs the tests that are asked for.
    private func test(_ players: inout [Player]) async throws {
        let jobs = players.enumerated().compactMap { index, player -> Job? in
            if case .test(let job) = player.action { Job(index: index, job: job) } else { nil }
        }
        for (job, verdict) in zip(jobs, try await jobs.concurrentMap(judge)) {
            switch verdict {
            case .report(let report): players[job.index].action = players[job.index].episode.receive(report)
            case .noReport(let exit, let reason): players[job.index].end(exit, reason)
            }
        }
    }

    private struct Job: Sendable {
        var index: Int
        var job: SandboxJob
    }

    private enum Verdict: Sendable {
        case report(SandboxReport)
        case noReport(EpisodeExit, String)
    }

    @Sendable private func judge(_ job: Job) async -> Verdict {
        do throws(SandboxError) {
            return .report(try await sandbox.run(job.job))
        } catch {
            return .noReport(error.code == .unusableTests ? .unusableTests : .broken, error.description)
        }
    }

    /// Lets the policy write where it is asked to; false when all episodes are over.
    private func respond(_ players: inout [Player]) async throws -> Bool {
        var questions: [Question] = []
        for index in players.indices {
            guard case .respond(let messages) = players[index].action else { continue }
            if let session = players[index].session {
                for message in messages { try await session.append(message) }
            } else {
                players[index].session = try await policy.beginSession(
                    messages: messages,
                    sampling: SamplingParameters(
                        temperature: temperature, seed: players[index].start.seed, stop: Self.stop),
                    maxTokens: maxTokens)
            }
            guard let session = players[index].session else { continue }
            questions.append(Question(index: index, session: session, grammar: players[index].episode.grammar))
        }
        if questions.isEmpty { return false }
        await policy.generator.gather(questions.count)
        for (question, answer) in zip(questions, try await questions.concurrentMap(answer)) {
            switch answer {
            case .completion(let completion):
                players[question.index].grammars.append(question.grammar)
                players[question.index].action = players[question.index].episode.receive(completion)
            case .contextFull(let reason):
                players[question.index].end(.contextFull, reason)
            }
        }
        return true
    }

    private struct Question: Sendable {
        var index: Int
        var session: any PolicySession
        var grammar: CommandGrammar?
    }

    private enum Answer: Sendable {
        case completion(Completion)
        case contextFull(String)
    }

    @Sendable private func answer(_ question: Question) async throws -> Answer {
        do {
            return .completion(try await question.session.respond(within: question.grammar))
        } catch let error as PolicyError where error.code == .contextFull {
            return .contextFull(error.description)
        }
    }

    /// A command is one line.
    static let stop = ["\n"]
}

extension Array where Element: Sendable {
    /// What `transform` makes of each, in order; all at the same time.
    fileprivate func concurrentMap<Output: Sendable>(
        _ transform: @escaping @Sendable (Element) async throws -> Output
    ) async throws -> [Output] {
        return try await withThrowingTaskGroup(of: (Int, Output).self) { group in
            for (number, element) in enumerated() {
                group.addTask { (number, try await transform(element)) }
            }
            var outputs = [Output?](repeating: nil, count: count)
            for try await (number, output) in group { outputs[number] = output }
            return outputs.compactMap { $0 }
        }
    }
}
