public import Demonstrations
import Episodes
public import LanguageModels
import RepairTasks
public import Tokenization

extension CausalLM.PackedSequence {
    /// A demonstration as the token ids of its conversation, the commands to be learned masked, with the token that
    /// ends each. The ids are those that an episode with the same messages would give.
    public init(_ demonstration: Demonstration, _ chat: ChatEncoder) {
        self.init(demonstration.messages, chat)
    }

    init(_ messages: [Demonstration.Message], _ chat: ChatEncoder) {
        // In one go, since a system message may be part of the one that follows it.
        let asked = messages.prefix { $0.role != .assistant }
        var tokens = chat.conversation(
            asked.map { ChatTurn($0.role == .system ? .system : .user, $0.content) })
        var mask = tokens.map { _ in false }
        func add(_ ids: [Int], learn: Bool = false) {
            tokens += ids
            mask += ids.map { _ in learn }
        }
        for message in messages[asked.endIndex...] {
            switch message.role {
            case .system: add(chat.message(ChatTurn(.system, message.content)))
            case .user: add(chat.message(ChatTurn(.user, message.content)))
            case .assistant:
                add(chat.generationPrompt)
                add(chat.content(message.content) + [chat.endOfTurn], learn: message.learn ?? true)
                add(chat.afterTurn)
            }
        }
        self.init(tokens: tokens, mask: mask)
    }
}

/// The order in which examples are learned: shuffled anew in each epoch, a number of them a step. Those that begin with
/// the same prompt are learned together, up to half a step of them, since it is computed once then.
///
/// The seed decides it alone, so that a run that goes on after a stop needs to know its step and nothing else.
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

extension CausalLM.PackedSequence {
    /// The tokens before the first that is learned.
    var promptCount: Int { mask.firstIndex(of: true) ?? tokens.count }
}

extension [CausalLM.PackedSequence] {
    /// Passes of at most `limit` tokens, or of one longer sequence. In each, what a sequence's prompt has in common with
    /// that of another is computed once.
    func passes(limit: Int) -> [[CausalLM.PackedSequence]] {
        var passes: [[CausalLM.PackedSequence]] = []
        var room = 0
        var base: CausalLM.PackedSequence?
        for var sequence in sorted(by: { $0.tokens.lexicographicallyPrecedes($1.tokens) }) {
            if let base {
                let common = zip(base.tokens, sequence.tokens).prefix { $0 == $1 }.count
                // Below that, the mask that sharing needs costs more than it saves.
                sequence.sharedCount =
                    common < 32 ? 0 : Swift.min(common, sequence.promptCount, sequence.tokens.count - 1)
            }
            if base == nil || sequence.computedCount > room {
                sequence.sharedCount = 0
                passes.append([])
                room = limit
            }
            if sequence.sharedCount == 0 { base = sequence }
            passes[passes.count - 1].append(sequence)
            room -= sequence.computedCount
        }
        return passes
    }
}
