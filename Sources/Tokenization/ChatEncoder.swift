/// Turns conversations into ids as the model's own chat template does, message by message.
///
/// The content of a message is always encoded as text: a message cannot forge the markup around it. The ids are
/// the same as with `transformers`' `apply_chat_template` where no content spells a control token, with two differences:
/// - Some templates, SmolLM2's and Qwen2.5's for example, begin a conversation without a system message with one of
///   their own. Here it is ``defaultSystemMessage``, for the caller to add.
/// - Llama 3.1's and later templates always begin with a system message that holds two dates. Here the encoder writes
///   it only if the caller gives a date (``conversation(_:date:)``, ``datedSystemMessage(_:date:)``).
///
/// Tool calls are not covered, nor are the thoughts that Qwen3's template writes before the last answer.
public struct ChatEncoder: Sendable {
    /// The model's tokenizer.
    public let tokenizer: Tokenizer
    /// The markup.
    public let format: ChatFormat
    /// The ids that begin a conversation: Llama 3's `<|begin_of_text|>`, Gemma's `<bos>`, nothing for ChatML.
    public let beginning: [Int]
    /// The control token that ends a message, which the model writes at the end of its answer.
    public let endOfTurn: Int
    /// The ids between ``endOfTurn`` and the next message: ChatML's and Gemma's line break.
    public let afterTurn: [Int]
    /// The ids at which generation stops: ``endOfTurn``, the vocabulary's last token and the format's other ends.
    public let stopIDs: Set<Int>
    /// The system message that the model's template adds where a conversation has none.
    public let defaultSystemMessage: String?
    /// Whether the model's template writes dates into the system message (Llama 3.1 and later).
    public let datesSystemMessage: Bool
    /// The date that the model's template writes where the caller gives none; nil for today's.
    public let fixedDate: String?
    /// The control tokens before the role and behind it.
    private let start, headerEnd: [Int]

    /// - Parameter format: The markup; the model's own when nil.
    /// - Throws: ``TokenizationError`` with `unknownChatFormat` for a model of no known format.
    public init(_ tokenizer: Tokenizer, format wanted: ChatFormat? = nil) throws {
        let vocabulary = tokenizer.vocabulary
        guard var format = wanted ?? ChatFormat(vocabulary) else {
            throw TokenizationError(
                .unknownChatFormat,
                "The model's chat template and control tokens are none of ChatML's, Llama 3's and Gemma's: "
                    + "take an instruction-tuned model of SmolLM2, Qwen2.5, Qwen3, Llama 3 or Gemma 3.")
        }
        var template: ChatTemplate?
        if let text = vocabulary.chatTemplate, wanted == nil, format.start != nil {
            let found = try ChatTemplate(text, format, vocabulary)
            format = found.format
            template = found
        }
        self.tokenizer = tokenizer
        self.format = format
        func control(_ token: String) -> Int? { tokenizer.encode(token, controlTokens: .parsed).onlyElement }
        start = format.start.map { [control($0) ?? -1] } ?? []
        headerEnd = format.headerEnd.map { [control($0) ?? -1] } ?? []
        endOfTurn = control(format.endOfTurn) ?? vocabulary.eosID ?? -1
        afterTurn = tokenizer.encode(format.afterTurn)
        beginning =
            switch format.beginning {
            case .none: vocabulary.addsBOSToChats ? [vocabulary.bosID].compactMap { $0 } : []
            case .token(let name): [control(name) ?? vocabulary.bosID].compactMap { $0 }
            case .asVocabulary: vocabulary.addsBOS ? [vocabulary.bosID].compactMap { $0 } : []
            }
        stopIDs = Set(
            [endOfTurn, vocabulary.eosID].compactMap { $0 } + vocabulary.otherEndIDs
                + format.otherEnds.compactMap(control))
        defaultSystemMessage = template?.systemMessage
        datesSystemMessage = template?.datesSystemMessage ?? false
        fixedDate = template?.fixedDate
    }

    private func name(of role: ChatRole) -> String { format.roleNames[role] ?? role.rawValue }

    /// The ids that open a message: everything before its content.
    ///
    /// `opening(role) + content + closing` is ``message(_:)`` unless the content begins with white space: ChatML's
    /// line break before it can then be part of a longer token.
    public func opening(_ role: ChatRole) -> [Int] {
        if start.isEmpty { return [] }
        if headerEnd.isEmpty { return start + tokenizer.encode(name(of: role) + format.separator) }
        return start + tokenizer.encode(name(of: role)) + headerEnd + tokenizer.encode(format.separator)
    }

    /// The ids that close a message.
    public var closing: [Int] { [endOfTurn] + afterTurn }

    /// The ids after which the model writes: the opening of an assistant's message, with what the template writes before
    /// the answer.
    public var generationPrompt: [Int] {
        if format.generationSuffix.isEmpty { return opening(.assistant) }
        let (name, text) = (name(of: .assistant), format.separator + format.generationSuffix)
        return headerEnd.isEmpty
            ? start + tokenizer.encode(name + text, controlTokens: .parsed)
            : start + tokenizer.encode(name) + headerEnd + tokenizer.encode(text, controlTokens: .parsed)
    }

    /// The ids of a message's content, as text.
    public func content(_ text: String) -> [Int] {
        tokenizer.encode(format.trimsContent ? Self.trimmed(text) : text)
    }

    /// The ids of a whole message.
    public func message(_ turn: ChatTurn) -> [Int] {
        // Content that may begin with white space is encoded together with the text before it.
        if format.trimsContent || start.isEmpty { return opening(turn.role) + content(turn.content) + closing }
        return start + tokenizer.encode(name(of: turn.role) + format.separator + turn.content) + closing
    }

    /// A first message with the system message before its content.
    private func message(_ turn: ChatTurn, after system: String) -> [Int] {
        let text = name(of: turn.role) + format.separator + system + "\n\n" + Self.trimmed(turn.content)
        return start + tokenizer.encode(text) + closing
    }

    /// The ids of a whole conversation, without ``generationPrompt``.
    ///
    /// - Parameter date: Llama 3.1's "Today Date" (`26 Jul 2024`). With it, the system message, empty if there is
    ///   none, gets the dates that the model's template writes; without it, and for models without dates, none.
    public func conversation(_ turns: [ChatTurn], date: String? = nil) -> [Int] {
        var turns = turns[...]
        var ids = beginning
        if let date, datesSystemMessage {
            let system = turns.first?.role == .system ? turns.removeFirst().content : ""
            // The template trims the caller's part alone: without one, the header's blank line stays.
            ids += opening(.system) + tokenizer.encode(Self.datedSystemMessage(system, date: date)) + closing
        }
        if format.joinsSystemMessage, turns.first?.role == .system, turns.count > 1 {
            let system = turns.removeFirst().content
            ids += message(turns.removeFirst(), after: system)
        }
        return ids + turns.flatMap { message($0) }
    }

    /// The system message that Llama 3.1's and 3.2's templates make of the caller's.
    public static func datedSystemMessage(_ content: String, date: String) -> String {
        "Cutting Knowledge Date: December 2023\nToday Date: \(date)\n\n" + Self.trimmed(content)
    }

    /// As Jinja's `trim`.
    private static func trimmed(_ text: String) -> String { TemplateFunctions.stripped(text, nil) }
}

extension Array {
    fileprivate var onlyElement: Element? { count == 1 ? self[0] : nil }
}
