import LanguageModels
import StatefulTools
import Tokenization

/// One episode as the update reads it.
struct Experience {
    var sequence: CausalLM.PackedSequence
    /// Tokens at its beginning that the other episodes of its group have too.
    var promptCount: Int
    /// For each learned token: the log-probability with which it was sampled, and its turn's advantage. Empty for an
    /// imitated episode.
    var logProbabilities: [Float]
    var advantages: [Float]
    /// What could be written at each learned token.
    var states: [(any ByteGrammar)?]
    var isImitated: Bool { logProbabilities.isEmpty }

    /// A demonstration, to be imitated.
    init(imitating sequence: CausalLM.PackedSequence) {
        self.sequence = sequence
        promptCount = 0
        logProbabilities = []
        advantages = []
        states = []
    }

    /// - Parameter turns: the advantage of each turn.
    init(_ rollout: LockstepPlayer.Rollout, advantages turns: [Double], tokenizer: Tokenizer) {
        let (tokens, mask, drawn) = rollout.trace.sequence
        // The policy had no choice at a token without an alternative, so nothing can be learned there.
        let learned = zip(mask, drawn).map { $0 && $1 != 0 }
        sequence = CausalLM.PackedSequence(tokens: tokens, mask: learned)
        promptCount = rollout.trace.turns[0].completion.promptTokenIDs.count
        logProbabilities = zip(drawn, learned).filter(\.1).map(\.0)
        advantages = []
        states = []
        for (index, turn) in rollout.trace.turns.enumerated() {
            let completion = turn.completion
            let guidance = rollout.guidance[index]
            let before = guidance.grammar.map { grammar in
                // Only the last sample allowed could not end as an excluded command.
                let isLast = completion.resamples ?? 0 == guidance.resamples
                let start: any ByteGrammar = isLast ? grammar.start : grammar.start.admittingExcluded
                return start.states(before: completion.tokenIDs, tokenizer)
            }
            for (place, value) in completion.logProbabilities.enumerated() where value != 0 {
                advantages.append(Float(turns[index]))
                states.append(before?[place])
            }
        }
    }
}
