/// The markup of a kind of chat models, as a value.
///
/// A new markup is one value in this file and one entry of ``all``.
public struct ChatFormat: Hashable, Sendable {
    /// The token before a conversation.
    enum Beginning: Hashable, Sendable {
        case none
        /// The vocabulary's first token, or the one of this name.
        case token(String)
        /// The vocabulary's first token, where it puts it before every text.
        case asVocabulary
    }

    /// `chatML`, `llama3`, `gemma` or `plain`.
    public let name: String
    var beginning = Beginning.none
    /// The control token that opens a message; nil for a format without markup.
    var start: String?
    /// The control token between the role and the content; nil for none.
    var headerEnd: String?
    /// The text behind the role and before the content.
    var separator = ""
    /// The name of each role, where it is not the role's own.
    var roleNames: [ChatRole: String] = [:]
    /// Whether the template strips white space around the content.
    var trimsContent = false
    /// Whether a system message goes before the first user message's content.
    var joinsSystemMessage = false
    /// The token that ends a message.
    var endOfTurn: String
    /// The text between that and the next message.
    var afterTurn = ""
    /// The text behind the opening of an answer that the model writes, for example `<think>` and a line break.
    var generationSuffix = ""
    /// Other tokens at which generation stops.
    var otherEnds: [String] = []
    /// The words by which a template that dates its system message is known; nil where none does.
    var dateMark: String?
    /// The pre-tokenizer of all models with this format; nil for any.
    var preTokenizer: PreTokenizer?
    /// Whether a model without a template is a base model, which gets ``plain``.
    var needsTemplate = false

    private init(_ name: String, endOfTurn: String, set: (inout ChatFormat) -> Void) {
        self.name = name
        self.endOfTurn = endOfTurn
        set(&self)
    }

    /// The formats that are recognised, in this order.
    static let all: [ChatFormat] = [.chatML, .llama3, .gemma]

    /// `<|im_start|>role\ncontent<|im_end|>\n` (SmolLM2, Qwen2.5, Qwen3).
    public static let chatML = ChatFormat("chatML", endOfTurn: "<|im_end|>") {
        $0.start = "<|im_start|>"
        $0.separator = "\n"
        $0.afterTurn = "\n"
        $0.otherEnds = ["<|endoftext|>"]
    }

    /// `<|start_header_id|>role<|end_header_id|>\n\ncontent<|eot_id|>`, the content trimmed (Llama 3).
    public static let llama3 = ChatFormat("llama3", endOfTurn: "<|eot_id|>") {
        $0.beginning = .token("<|begin_of_text|>")
        $0.start = "<|start_header_id|>"
        $0.headerEnd = "<|end_header_id|>"
        $0.separator = "\n\n"
        $0.trimsContent = true
        $0.otherEnds = ["<|end_of_text|>", "<|eom_id|>"]
        $0.dateMark = "Cutting Knowledge Date"
    }

    /// `<start_of_turn>role\ncontent<end_of_turn>\n`, the content trimmed, the assistant called `model`, a system message
    /// before the first user message's content (Gemma 3).
    public static let gemma = ChatFormat("gemma", endOfTurn: "<end_of_turn>") {
        $0.beginning = .token("<bos>")
        $0.start = "<start_of_turn>"
        $0.separator = "\n"
        // Gemma knows two roles; a system message that nothing follows is the user's.
        $0.roleNames = [.assistant: "model", .system: "user"]
        $0.trimsContent = true
        $0.joinsSystemMessage = true
        $0.afterTurn = "\n"
        $0.otherEnds = ["<eos>"]
        $0.preTokenizer = .gemma
        $0.needsTemplate = true
    }

    /// `content\n`, for a model that is no chat model: a line break ends a message, so an answer is one line.
    public static let plain = ChatFormat("plain", endOfTurn: "\n") {
        $0.beginning = .asVocabulary
        $0.otherEnds = all.flatMap { [$0.endOfTurn] + $0.otherEnds }
    }

    /// The format of a model, by its chat template, or without one by its control tokens; nil for an unknown one.
    public init?(_ vocabulary: Vocabulary) {
        guard let format = Self.all.first(where: { $0.isUsed(by: vocabulary) }) else { return nil }
        self = format.needsTemplate && vocabulary.chatTemplate == nil ? .plain : format
    }

    private func isUsed(by vocabulary: Vocabulary) -> Bool {
        guard let start, preTokenizer == nil || preTokenizer == vocabulary.preTokenizer,
            vocabulary.chatTemplate?.contains(start) ?? true
        else { return false }
        return [start, headerEnd, endOfTurn].compactMap { $0 }.allSatisfy { token in
            zip(vocabulary.tokens, vocabulary.kinds).contains { $1 == .control && $0 == token }
        }
    }
}
