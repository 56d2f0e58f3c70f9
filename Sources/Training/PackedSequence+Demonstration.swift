public import Demonstrations
public import LanguageModels
import StatefulTools
public import Tokenization

extension CausalLM.PackedSequence {
    /// A demonstration as the token ids of its conversation. The mask covers the commands to learn and the token that ends
    /// each. An episode with the same messages gives the same ids.
    public init(_ demonstration: Demonstration, _ chat: ChatEncoder) {
        self.init(demonstration.messages, chat)
    }

    init(_ messages: [Demonstration.Message], _ chat: ChatEncoder) {
        // In one go, since a system message may be part of the next message.
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

    /// The tokens before the first one to learn.
    var promptCount: Int { mask.firstIndex(of: true) ?? tokens.count }
}

extension [CausalLM.PackedSequence] {
    /// Passes of at most `limit` tokens, or of one longer sequence. In each pass, a prefix that sequences have in common is
    /// computed once.
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
