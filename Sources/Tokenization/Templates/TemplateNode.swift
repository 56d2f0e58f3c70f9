/// A part of a chat template that is run.
indirect enum TemplateNode {
    case text(String)
    case output(TemplateExpression)
    case conditional([(condition: TemplateExpression?, body: [TemplateNode])])
    case loop(
        names: [String], TemplateExpression, filter: TemplateExpression?, body: [TemplateNode], empty: [TemplateNode])
    /// `{% set name = … %}`, or of a namespace's member.
    case assignment(name: String, member: String?, TemplateExpression)
    /// `{% set name %}…{% endset %}`
    case capture(name: String, [TemplateNode])
    case leave(isBreak: Bool)
}

/// Reads a template into its parts.
struct TemplateParser {
    private var parts: ArraySlice<TemplateLexer.Part>
    private var depth = 0

    init(_ template: String) throws(TemplateError) {
        var lexer = TemplateLexer(template)
        parts = try lexer.parts()[...]
    }

    /// The whole template.
    mutating func nodes() throws(TemplateError) -> [TemplateNode] {
        let (nodes, end) = try nodes(until: [])
        guard end == nil else { throw TemplateError("has an end without a beginning") }
        return nodes
    }

    /// The nodes up to a statement that begins with one of `ends`, and that statement.
    private mutating func nodes(
        until ends: Set<String>
    ) throws(TemplateError) -> ([TemplateNode], (word: String, rest: TemplateExpressionParser)?) {
        depth += 1
        defer { depth -= 1 }
        guard depth < 64 else { throw TemplateError("nests statements too deeply") }
        var nodes: [TemplateNode] = []
        while let part = parts.popFirst() {
            switch part {
            case .text(let text): nodes.append(.text(text))
            case .output(let tokens):
                var parser = TemplateExpressionParser(tokens)
                nodes.append(.output(try parser.expression()))
                guard parser.isAtEnd else { throw TemplateError("has an expression that goes on where it should end") }
            case .statement(let tokens):
                var parser = TemplateExpressionParser(tokens)
                let word = try parser.identifier()
                if ends.contains(word) { return (nodes, (word, parser)) }
                nodes += try statement(word, &parser)
            }
        }
        guard ends.isEmpty else { throw TemplateError("has a statement without its end") }
        return (nodes, nil)
    }

    private mutating func statement(
        _ word: String, _ parser: inout TemplateExpressionParser
    ) throws(TemplateError) -> [TemplateNode] {
        switch word {
        case "if": return [try conditional(&parser)]
        case "for": return [try loop(&parser)]
        case "set": return [try assignment(&parser)]
        case "break", "continue": return [.leave(isBreak: word == "break")]
        // Marks the assistant's words for training.
        case "generation": return try nodes(until: ["endgeneration"]).0
        // For tools; a call of it is refused.
        case "macro":
            _ = try nodes(until: ["endmacro"])
            return []
        default: throw TemplateError("has the statement \(word)")
        }
    }

    private mutating func conditional(_ parser: inout TemplateExpressionParser) throws(TemplateError) -> TemplateNode {
        var branches: [(condition: TemplateExpression?, body: [TemplateNode])] = []
        var condition: TemplateExpression? = try parser.expression()
        while true {
            let (body, end) = try nodes(until: ["elif", "else", "endif"])
            branches.append((condition, body))
            guard var end, end.word != "endif" else { return .conditional(branches) }
            condition = end.word == "elif" ? try end.rest.expression() : nil
        }
    }

    private mutating func loop(_ parser: inout TemplateExpressionParser) throws(TemplateError) -> TemplateNode {
        var names = [try parser.identifier()]
        while parser.skip(",") { names.append(try parser.identifier()) }
        guard parser.skip(word: "in") else { throw TemplateError("has a loop without in") }
        let items = try parser.expression(allowsChoice: false)
        let filter = parser.skip(word: "if") ? try parser.expression() : nil
        let (body, end) = try nodes(until: ["else", "endfor"])
        let empty = end?.word == "else" ? try nodes(until: ["endfor"]).0 : []
        return .loop(names: names, items, filter: filter, body: body, empty: empty)
    }

    private mutating func assignment(_ parser: inout TemplateExpressionParser) throws(TemplateError) -> TemplateNode {
        let name = try parser.identifier()
        let member = parser.skip(".") ? try parser.identifier() : nil
        if parser.skip("=") { return .assignment(name: name, member: member, try parser.expression()) }
        guard member == nil, parser.isAtEnd else { throw TemplateError("sets several names at once") }
        return .capture(name: name, try nodes(until: ["endset"]).0)
    }
}
