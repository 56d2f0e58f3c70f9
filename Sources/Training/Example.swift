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
        var tokens = chat.beginning
        var mask = chat.beginning.map { _ in false }
        func add(_ ids: [Int], learn: Bool = false) {
            tokens += ids
            mask += ids.map { _ in learn }
        }
        for message in messages {
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

/// The order in which examples are learned: shuffled anew in each epoch, a number of them a step.
///
/// The seed decides it alone, so that a run that goes on after a stop needs to know its step and nothing else.
struct Curriculum: Sendable {
    /// Indices of examples, for each step.
    let steps: [[Int]]

    /// - Parameters:
    ///   - lengths: tokens of each example.
    ///   - maxTokens: the tokens after which training ends; nil for whole epochs.
    init(lengths: [Int], batch: Int, epochs: Int, maxTokens: Int?, seed: UInt64) {
        var steps: [[Int]] = []
        var tokens = 0
        epochs: for epoch in 0..<(maxTokens == nil ? epochs : Int.max) {
            var order = Array(lengths.indices)
            var random = SeededGenerator(seed: seed, stream: UInt64(epoch))
            random.shuffle(&order)
            for start in stride(from: 0, to: order.count, by: batch) {
                let step = Array(order[start..<min(start + batch, order.count)])
                steps.append(step)
                tokens += step.reduce(0) { $0 + lengths[$1] }
                if let maxTokens, tokens >= maxTokens { break epochs }
            }
        }
        self.steps = steps
    }
}

extension Array {
    /// Runs of elements whose sizes add up to `limit` at most, or one element that is larger.
    func packed(limit: Int, size: (Element) -> Int) -> [[Element]] {
        var packs: [[Element]] = []
        var room = 0
        for element in self {
            let needed = size(element)
            if packs.isEmpty || needed > room {
                packs.append([])
                room = limit
            }
            packs[packs.count - 1].append(element)
            room -= needed
        }
        return packs
    }
}
