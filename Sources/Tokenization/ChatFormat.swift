/// Who speaks in a conversation.
public enum ChatRole: String, Hashable, Sendable, Codable {
    case system, user, assistant
}

/// One message of a conversation.
public struct ChatTurn: Hashable, Sendable, Codable {
    public var role: ChatRole
    public var content: String

    public init(_ role: ChatRole, _ content: String) {
        self.role = role
        self.content = content
    }
}

/// The markup of a family of chat models.
public enum ChatFormat: String, Hashable, Sendable, Codable {
    /// `<|im_start|>role\ncontent<|im_end|>\n` (SmolLM2, Qwen2.5, Qwen3)
    case chatML
    /// `<|start_header_id|>role<|end_header_id|>\n\ncontent<|eot_id|>`, the content trimmed
    case llama3
    /// `<start_of_turn>role\ncontent<end_of_turn>\n`, the content trimmed, the assistant called `model`, a system message
    /// before the first user message's content
    case gemma
    /// `content\n`, for what is no chat: a line break ends a message, so an answer is one line.
    case plain

    /// The format of a model: by its chat template, or without one by its control tokens; a Gemma without a template is
    /// a base model and gets ``plain``. Nil if it is none of them.
    public init?(_ vocabulary: Vocabulary) {
        func has(_ token: String) -> Bool {
            zip(vocabulary.tokens, vocabulary.kinds).contains { $1 == .control && $0 == token }
        }
        let template = vocabulary.chatTemplate
        if template?.contains("<|im_start|>") ?? true, has("<|im_start|>"), has("<|im_end|>") {
            self = .chatML
        } else if template?.contains("<|start_header_id|>") ?? true, has("<|start_header_id|>"),
            has("<|end_header_id|>"), has("<|eot_id|>")
        {
            self = .llama3
        } else if vocabulary.preTokenizer == .gemma, template?.contains("<start_of_turn>") ?? true,
            has("<start_of_turn>"), has("<end_of_turn>")
        {
            self = template == nil ? .plain : .gemma
        } else {
            return nil
        }
    }
}
