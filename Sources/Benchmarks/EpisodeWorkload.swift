import PythonRepair
import PythonSandbox
import StatefulTools
import Tokenization

/// Played conversations as the peers of `coe bench episodes` play them again.
struct EpisodeWorkload: Encodable {
    struct Turn: Encodable {
        var prompt: [Int]
        var text: String
        var written: [Int]
        var answer: String
        /// A program that runs the tests, as plain Python.
        var script: String
    }

    /// `[task][sample][turn]`
    var groups: [[[Turn]]] = []

    /// - Parameter traces: `samples` traces of each start, in order.
    init(_ traces: [Trace], _ starts: [any Tool], samples: Int, tokenizer: Tokenizer) {
        for (index, start) in starts.enumerated() {
            let group = traces[index * samples..<(index + 1) * samples].map { trace in
                let statesAfter = Array(trace.statesBefore.dropFirst()) + [trace.finalState]
                return zip(trace.turns, statesAfter).map { turn, state in
                    let completion = turn.completion
                    return Turn(
                        prompt: completion.promptTokenIDs, text: tokenizer.decode(completion.promptTokenIDs),
                        written: completion.tokenIDs, answer: tokenizer.decode(completion.tokenIDs),
                        script: Self.script(start, state))
                }
            }
            groups.append(group)
        }
    }

    /// The program and its tests as one file.
    private static func script(_ start: any Tool, _ program: String) -> String {
        guard let task = (start as? PythonRepair)?.repair, case .statements(let statements) = task.tests else {
            return program
        }
        return ([task.prelude ?? "", program, task.setup ?? ""] + statements).joined(separator: "\n")
    }
}
