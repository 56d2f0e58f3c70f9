import LanguageModels
import StatefulTools

/// The order in which examples are learned: shuffled in each epoch, a number of them a step. Examples with the same prompt
/// are learned together, up to half a step of them, since the prompt is then computed once.
///
/// The seed alone decides the order, so a run that goes on after a stop needs only its step.
struct Curriculum: Sendable {
    /// Indices of examples, for each step.
    let steps: [[Int]]

    /// - Parameter maxTokens: the tokens after which training ends; nil for whole epochs.
    init(_ examples: [CausalLM.PackedSequence], batch: Int, epochs: Int, maxTokens: Int?, seed: UInt64) {
        var places: [[Int]: Int] = [:]
        var groups: [[Int]] = []
        for (index, example) in examples.enumerated() {
            let prompt = Array(example.tokens.prefix(example.promptCount))
            if let place = places[prompt], groups[place].count < max(1, batch / 2) {
                groups[place].append(index)
            } else {
                places[prompt] = groups.count
                groups.append([index])
            }
        }
        var steps: [[Int]] = []
        var tokens = 0
        epochs: for epoch in 0..<(maxTokens == nil ? epochs : Int.max) {
            var random = SeededGenerator(seed: seed, stream: UInt64(epoch))
            var shuffled = groups
            random.shuffle(&shuffled)
            let order = Array(shuffled.joined())
            for start in stride(from: 0, to: order.count, by: batch) {
                let step = Array(order[start..<min(start + batch, order.count)])
                steps.append(step)
                tokens += step.reduce(0) { $0 + examples[$1].tokens.count }
                if let maxTokens, tokens >= maxTokens { break epochs }
            }
        }
        self.steps = steps
    }
}
