import Foundation
import Policies
import PythonRepair
import ServeCommands
import StatefulTools
import UserRepair

/// Attempts at one repair, played side by side.
struct RepairAttempts: Sendable {
    var samples: Int
    var temperature: Double
    var seed: UInt64
    var isVerbose: Bool
    /// When everything must have ended.
    var deadline: ContinuousClock.Instant

    /// Plays all attempts and then searches from their states. Ends when the time is over, when no state is left to try, or
    /// when others have had a fair chance after the first that passes: the smallest repair wins.
    ///
    /// - Parameter starts: where attempts begin, in turn.
    func play(_ player: EpisodePlayer, _ starts: [any Tool], _ log: AttemptLog) async -> [Trace] {
        let begin = ContinuousClock.now
        let playing = Task {
            let traces = await group(player, starts, log)
            if log.firstSolved != nil || Task.isCancelled { return traces }
            return traces + (await search(player, starts, traces, log))
        }
        let watch = Task {
            while !Task.isCancelled {
                var end = deadline
                if let first = log.firstSolved {
                    end = min(end, first + max(.milliseconds(500), (first - begin) / 2))
                }
                if ContinuousClock.now >= end {
                    playing.cancel()
                    return
                }
                try? await Task.sleep(for: .milliseconds(50))
            }
        }
        let status = StatusLine(log, attempts: samples, isOn: !isVerbose)
        let traces = await withTaskCancellationHandler {
            await playing.value
        } onCancel: {
            playing.cancel()
        }
        watch.cancel()
        await status.end()
        return traces
    }

    private func group(_ player: EpisodePlayer, _ starts: [any Tool], _ log: AttemptLog) async -> [Trace] {
        await withTaskGroup(of: Trace?.self) { group in
            for sample in 0..<samples {
                let sampling = SamplingParameters.commands(
                    // The likeliest tokens again would give the same attempt again.
                    temperature: sample >= starts.count && temperature == 0 ? 0.7 : temperature,
                    seed: seed &+ UInt64(sample))
                let start = starts[sample % starts.count]
                group.addTask {
                    do {
                        return try await player.play(start, sample: sample, sampling: sampling) { turn, tool, verdict in
                            log.note(sample, turn, tool, verdict)
                            if isVerbose, let turn { say(turn, verdict, sample) }
                        }
                    } catch {
                        if !Task.isCancelled, !(error is CancellationError), log.isNew("\(error)") {
                            Terminal.say(Terminal.paint("Attempt \(sample + 1) broke off: \(error)", .red))
                        }
                        return nil
                    }
                }
            }
            var traces: [Trace] = []
            for await case let trace? in group { traces.append(trace) }
            return traces
        }
    }

    /// Goes on from the states of the attempts, the best first, until one passes or the time is over.
    private func search(
        _ player: EpisodePlayer, _ starts: [any Tool], _ traces: [Trace], _ log: AttemptLog
    ) async -> [Trace] {
        let attempts = traces.map { (trace: $0, start: starts[$0.sample % starts.count]) }
        do {
            let found = try await SearchPlayer(player, budget: .max).play(
                starts[0], sample: samples, seed: seed, after: attempts
            ) { turn, tool, verdict in
                log.note(samples, turn, tool, verdict)
                if isVerbose, let turn { say(turn, verdict, samples) }
            }
            return [found]
        } catch {
            if !Task.isCancelled, !(error is CancellationError), log.isNew("\(error)") {
                Terminal.say(Terminal.paint("The search broke off: \(error)", .red))
            }
            return []
        }
    }

    private func say(_ turn: Turn, _ verdict: Verdict, _ sample: Int) {
        let name = samples == 1 ? "" : "[\(sample + 1)] "
        let command = turn.command ?? Terminal.paint(turn.completion.text, .grey)
        Terminal.say("\(name)\(command)\n    \(turn.error ?? verdict.headline)")
    }
}
