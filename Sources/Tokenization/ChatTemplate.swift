/// What a model's own chat template writes, found out by running it.
///
/// A template is a program, so no look at its text tells what it writes. It is run on short conversations; from the results
/// come the tokens around a message, the names of the roles, the default system message, and whether content is trimmed.
/// A template that writes anything else is refused.
struct ChatTemplate {
    /// The format that the template writes.
    private(set) var format: ChatFormat
    /// The system message of a conversation that has none; nil for none.
    private(set) var systemMessage: String?
    /// The date that the template writes where the caller gives none; nil for today's, or for a template without dates.
    private(set) var fixedDate: String?
    private let nodes: [TemplateNode]
    private let variables: [String: TemplateValue]
    private let bos: String

    /// Dates of the probes: one that the caller gives, and today's.
    private static let (givenDate, today) = ("26 Jul 2031", "27 Aug 2032")

    /// - Parameter base: The format to which the template's control tokens belong.
    /// - Throws: ``TokenizationError`` with `unknownChatFormat` for a template that writes something else.
    init(_ template: String, _ base: ChatFormat, _ vocabulary: Vocabulary) throws(TokenizationError) {
        func name(_ id: Int?) -> String {
            guard let id, vocabulary.tokens.indices.contains(id) else { return "" }
            return vocabulary.tokens[id]
        }
        format = base
        bos = name(vocabulary.bosID)
        variables = [
            "bos_token": .string(bos), "eos_token": .string(name(vocabulary.eosID)), "tools": .nothing,
            "documents": .nothing,
        ]
        do throws(TemplateError) {
            var parser = try TemplateParser(template)
            nodes = try parser.nodes()
            try follow()
            try check()
        } catch {
            throw TokenizationError(
                .unknownChatFormat,
                "The model's chat template \(error.isRaised ? "refuses a conversation (\(error.description))" : error.description), "
                    + "which is not supported for \(base.name): give the model a chat_template that writes that format."
            )
        }
    }

    private func written(
        _ turns: [ChatTurn], generates: Bool = false, date: String? = givenDate
    ) throws(TemplateError) -> String {
        var variables = variables
        variables["messages"] = .list(
            turns.map { .dictionary(["role": .string($0.role.rawValue), "content": .string($0.content)]) })
        variables["add_generation_prompt"] = .bool(generates)
        variables["date_string"] = date.map { .string($0) }
        variables["date_now"] = .string(Self.today)
        var run = TemplateRun(variables)
        return try run.text(nodes)
    }

    // MARK: Following

    private mutating func follow() throws(TemplateError) {
        guard let start = format.start else { return }
        let single = try written([ChatTurn(.user, "Q1")])
        guard let content = single.firstRange(of: "Q1"),
            let header = single[..<content.lowerBound].ranges(of: start).last
        else { throw TemplateError("does not write \(start) before a message") }
        let name = try roleName(
            single[header.upperBound..<content.lowerBound], end: content.lowerBound == single.endIndex)
        if name.role != format.roleNames[.user] ?? "user" { format.roleNames[.user] = name.role }
        let closing = single[content.upperBound...]
        guard closing.hasPrefix(format.endOfTurn) else {
            throw TemplateError("does not end a message with \(format.endOfTurn)")
        }
        format.afterTurn = String(closing.dropFirst(format.endOfTurn.count))
        guard !format.afterTurn.contains("<") else {
            throw TemplateError("writes more than a line break behind a message")
        }
        var intro = single[..<header.lowerBound]
        format.beginning = .none
        // SmolLM2's token for the beginning is also the one that starts each message.
        let rest = intro.dropFirst(bos.count)
        if !bos.isEmpty, intro.hasPrefix(bos), rest.isEmpty || rest.hasPrefix(start) {
            intro = rest
            format.beginning = .token(bos)
        }
        try followSystemMessage(intro, start)

        let prompt = try written([ChatTurn(.user, "Q1")], generates: true)
        guard prompt.hasPrefix(single), prompt.dropFirst(single.count).hasPrefix(start) else {
            throw TemplateError("begins an answer in another way than a message")
        }
        let opening = try roleName(prompt.dropFirst(single.count + start.count), end: true)
        if opening.role != format.roleNames[.assistant] ?? "assistant" { format.roleNames[.assistant] = opening.role }
        format.generationSuffix = opening.rest
        format.trimsContent = try written([ChatTurn(.user, " Q1\n")]) == single
    }

    /// The role in a header, and what stands behind its separator.
    private func roleName(_ header: Substring, end: Bool) throws(TemplateError) -> (role: String, rest: String) {
        let separator = (format.headerEnd ?? "") + format.separator
        guard let place = header.firstRange(of: separator), place.lowerBound > header.startIndex,
            end || place.upperBound == header.endIndex
        else { throw TemplateError("does not write \(separator.debugDescription) behind a role") }
        return (String(header[..<place.lowerBound]), String(header[place.upperBound...]))
    }

    /// What comes before the first message of a conversation without a system message.
    private mutating func followSystemMessage(_ intro: Substring, _ start: String) throws(TemplateError) {
        if intro.isEmpty { return }
        guard intro.hasPrefix(start), intro.hasSuffix(format.endOfTurn + format.afterTurn) else {
            throw TemplateError("begins a conversation with something that is no message")
        }
        let header = try roleName(intro.dropFirst(start.count), end: true)
        let message = String(header.rest.dropLast(format.endOfTurn.count + format.afterTurn.count))
        if header.role != "system" { format.roleNames[.system] = header.role }
        guard let mark = format.dateMark, message.contains(mark) else {
            systemMessage = message
            return
        }
        // A template may also demand a date of the caller.
        guard let undated = try? written([ChatTurn(.user, "Q1")], date: nil) else { return }
        let mine = "Today Date: "
        guard let place = undated.firstRange(of: mine),
            let end = undated[place.upperBound...].firstIndex(of: "\n")
        else { throw TemplateError("writes dates in an unknown way") }
        let date = String(undated[place.upperBound..<end])
        fixedDate = date == Self.today ? nil : date
    }

    // MARK: Checking

    /// Compares the template's texts with the format's.
    private func check() throws(TemplateError) {
        let user = ChatTurn(.user, " Q1\n")
        let more = [ChatTurn(.assistant, "\nA1 "), ChatTurn(.user, "Q2\t")]
        // What changes content, by case, length or signs, shows in this.
        let content =
            String(repeating: "<tool>Straße {x} [1] \"Q\" 'q' &amp; `a` **b** \\n # $y$ | / é</tool>\n", count: 150)
            + "."
        let long = [ChatTurn(.system, content), ChatTurn(.user, content), ChatTurn(.assistant, content)] + [user]
        for turns in [
            [user], [user] + more, [ChatTurn(.system, "S1"), user], [ChatTurn(.system, "S1"), user] + more, long,
        ] {
            let theirs = try written(turns, generates: true)
            guard theirs == text(turns) else {
                throw TemplateError(
                    "writes \(Self.shortened(theirs)) where \(Self.shortened(text(turns))) was expected")
            }
        }
    }

    private static func shortened(_ text: String) -> String {
        text.count <= 300 ? text.debugDescription : "\(text.prefix(300).debugDescription)…"
    }

    /// The text that the format makes of a conversation, with the opening of an answer.
    private func text(_ turns: [ChatTurn]) -> String {
        func name(_ role: ChatRole) -> String { format.roleNames[role] ?? role.rawValue }
        func header(_ role: ChatRole) -> String {
            (format.start ?? "") + name(role) + (format.headerEnd ?? "") + format.separator
        }
        func trimmed(_ content: String) -> String {
            format.trimsContent ? TemplateFunctions.stripped(content, nil) : content
        }
        func message(_ role: ChatRole, _ content: String) -> String {
            header(role) + content + format.endOfTurn + format.afterTurn
        }
        var turns = turns[...]
        var text = ""
        if case .token(let token) = format.beginning { text += token }
        let system = turns.first?.role == .system ? turns.removeFirst().content : nil
        if datesSystemMessage {
            text += message(.system, ChatEncoder.datedSystemMessage(system ?? "", date: Self.givenDate))
        } else if let system, format.joinsSystemMessage, let first = turns.popFirst() {
            text += message(.user, system + "\n\n" + trimmed(first.content))
        } else if let system = system ?? systemMessage {
            text += message(.system, trimmed(system))
        }
        for turn in turns { text += message(turn.role, trimmed(turn.content)) }
        return text + header(.assistant) + format.generationSuffix
    }

    /// Whether the template writes dates into the system message.
    var datesSystemMessage: Bool {
        guard let mark = format.dateMark else { return false }
        return (try? written([ChatTurn(.user, "Q1")]).contains(mark)) ?? false
    }
}
