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
        let jobs = players.enumerated().compactMap { index, player -> (Int, SandboxJob)? in
            if case .test(let job) = player.action { (index, job) } else { nil }
        }
        let reports = await withTaskGroup(of: (Int, Result<SandboxReport, any Error>).self) { group in
            for (index, job) in jobs {
                group.addTask {
                    do {
                        return (index, .success(try await sandbox.run(job)))
                    } catch {
                        return (index, .failure(error))
                    }
                }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        for (index, _) in jobs {
            switch reports[index] {
            case .success(let report): players[index].action = players[index].episode.receive(report)
            case .failure(let error as CancellationError): throw error
            case .failure(let error as SandboxError) where error.code == .unusableTests:
                players[index].end(.unusableTests, error.description)
            case .failure(let error): players[index].end(.broken, "\(error)")
            case nil: break
            }
        }
    }

    /// Lets the policy write where it is asked to; false when all episodes are over.
    private func respond(_ players: inout [Player]) async throws -> Bool {
        var active: [(index: Int, session: any PolicySession, grammar: CommandGrammar?)] = []
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
            active.append((index, session, players[index].episode.grammar))
        }
        if active.isEmpty { return false }
        await policy.generator.gather(active.count)
        let completions = try await withThrowingTaskGroup(of: (Int, Completion?, String).self) { group in
            for (index, session, grammar) in active {
                group.addTask {
                    do {
                        return (index, try await session.respond(within: grammar), "")
                    } catch let error as PolicyError where error.code == .contextFull {
                        return (index, nil, error.description)
                    }
                }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = ($1.1, $1.2) }
        }
        for (index, _, grammar) in active {
            guard let (completion, reason) = completions[index] else { continue }
            if let completion {
                players[index].grammars.append(grammar)
                players[index].action = players[index].episode.receive(completion)
            } else {
                players[index].end(.contextFull, reason)
            }
        }
        return true
    }

    /// A command is one line.
    static let stop = ["\n"]
}
