/// An expression of a chat template.
indirect enum TemplateExpression {
    case value(TemplateValue)
    case name(String)
    case list([TemplateExpression])
    case dictionary([(String, TemplateExpression)])
    case member(TemplateExpression, TemplateExpression)
    case slice(TemplateExpression, TemplateExpression?, TemplateExpression?, TemplateExpression?)
    /// A call of a name (with no target), a method, a filter or a test.
    case call(Kind, TemplateExpression?, String, [TemplateExpression], [(String, TemplateExpression)])
    case unary(String, TemplateExpression)
    case binary(String, TemplateExpression, TemplateExpression)
    case choice(TemplateExpression, if: TemplateExpression, else: TemplateExpression?)

    enum Kind { case function, method, filter, test }
}

/// Reads expressions from the tokens of a tag.
struct TemplateExpressionParser {
    private let tokens: [TemplateLexer.Token]
    private var position = 0
    private var depth = 0

    init(_ tokens: [TemplateLexer.Token]) { self.tokens = tokens }

    var isAtEnd: Bool { position == tokens.count }
    private var next: TemplateLexer.Token? { position < tokens.count ? tokens[position] : nil }

    /// Passes over `token` when it comes next.
    mutating func skip(_ token: TemplateLexer.Token) -> Bool {
        guard next == token else { return false }
        position += 1
        return true
    }

    mutating func skip(_ sign: String) -> Bool { skip(.sign(sign)) }
    mutating func skip(word: String) -> Bool { skip(.name(word)) }

    mutating func expect(_ sign: String) throws(TemplateError) {
        guard skip(sign) else { throw TemplateError("has a tag in which \(sign) is missing") }
    }

    mutating func identifier() throws(TemplateError) -> String {
        guard case .name(let name)? = next else { throw TemplateError("has a tag in which a name is missing") }
        position += 1
        return name
    }

    /// A whole expression.
    mutating func expression(allowsChoice: Bool = true) throws(TemplateError) -> TemplateExpression {
        depth += 1
        defer { depth -= 1 }
        guard depth < 64 else { throw TemplateError("nests expressions too deeply") }
        var result = try alternatives()
        while allowsChoice, skip(word: "if") {
            let condition = try alternatives()
            result = .choice(result, if: condition, else: skip(word: "else") ? try expression() : nil)
        }
        return result
    }

    private mutating func alternatives() throws(TemplateError) -> TemplateExpression {
        var left = try conjunction()
        while skip(word: "or") { left = .binary("or", left, try conjunction()) }
        return left
    }

    private mutating func conjunction() throws(TemplateError) -> TemplateExpression {
        var left = try negation()
        while skip(word: "and") { left = .binary("and", left, try negation()) }
        return left
    }

    private mutating func negation() throws(TemplateError) -> TemplateExpression {
        skip(word: "not") ? .unary("not", try negation()) : try comparison()
    }

    private mutating func comparison() throws(TemplateError) -> TemplateExpression {
        var left = try sum()
        while true {
            if let sign = ["==", "!=", "<=", ">=", "<", ">"].first(where: { next == .sign($0) }) {
                position += 1
                left = .binary(sign, left, try sum())
            } else if skip(word: "in") {
                left = .binary("in", left, try sum())
            } else if next == .name("not"), position + 1 < tokens.count, tokens[position + 1] == .name("in") {
                position += 2
                left = .unary("not", .binary("in", left, try sum()))
            } else {
                return left
            }
        }
    }

    private mutating func sum() throws(TemplateError) -> TemplateExpression {
        var left = try joined()
        while let sign = ["+", "-"].first(where: { next == .sign($0) }) {
            position += 1
            left = .binary(sign, left, try joined())
        }
        return left
    }

    private mutating func joined() throws(TemplateError) -> TemplateExpression {
        var left = try product()
        while skip("~") { left = .binary("~", left, try product()) }
        return left
    }

    private mutating func product() throws(TemplateError) -> TemplateExpression {
        var left = try unary()
        while let sign = ["*", "//", "%"].first(where: { next == .sign($0) }) {
            position += 1
            left = .binary(sign, left, try unary())
        }
        return left
    }

    private mutating func unary() throws(TemplateError) -> TemplateExpression {
        depth += 1
        defer { depth -= 1 }
        guard depth < 64 else { throw TemplateError("nests expressions too deeply") }
        if skip("-") { return .unary("-", try unary()) }
        return try postfix(primary())
    }

    private mutating func primary() throws(TemplateError) -> TemplateExpression {
        guard let token = next else { throw TemplateError("has a tag that ends too early") }
        position += 1
        switch token {
        case .string(var text):
            while case .string(let more)? = next {
                text += more
                position += 1
            }
            return .value(.string(text))
        case .int(let value): return .value(.int(value))
        case .name(let name):
            switch name {
            case "true", "True": return .value(.bool(true))
            case "false", "False": return .value(.bool(false))
            case "none", "None": return .value(.nothing)
            default: return .name(name)
            }
        case .sign("("):
            let inner = try expression()
            try expect(")")
            return inner
        case .sign("["): return .list(try items(until: "]"))
        case .sign("{"):
            var members: [(String, TemplateExpression)] = []
            while !skip("}") {
                guard case .string(let key)? = next else { throw TemplateError("has an object with a computed key") }
                position += 1
                try expect(":")
                members.append((key, try expression()))
                if !skip(",") {
                    try expect("}")
                    break
                }
            }
            return .dictionary(members)
        case .sign(let sign): throw TemplateError("has a \(sign) where a value should be")
        }
    }

    private mutating func items(until end: String) throws(TemplateError) -> [TemplateExpression] {
        var items: [TemplateExpression] = []
        while !skip(end) {
            items.append(try expression())
            if !skip(",") {
                try expect(end)
                break
            }
        }
        return items
    }

    private mutating func arguments() throws(TemplateError) -> ([TemplateExpression], [(String, TemplateExpression)]) {
        var (plain, named): ([TemplateExpression], [(String, TemplateExpression)]) = ([], [])
        while !skip(")") {
            if case .name(let name)? = next, position + 1 < tokens.count, tokens[position + 1] == .sign("=") {
                position += 2
                named.append((name, try expression()))
            } else {
                plain.append(try expression())
            }
            if !skip(",") {
                try expect(")")
                break
            }
        }
        return (plain, named)
    }

    private mutating func postfix(_ start: TemplateExpression) throws(TemplateError) -> TemplateExpression {
        var target = start
        while true {
            if skip(".") {
                let name = try identifier()
                if skip("(") {
                    let (plain, named) = try arguments()
                    target = .call(.method, target, name, plain, named)
                } else {
                    target = .member(target, .value(.string(name)))
                }
            } else if skip("[") {
                target = try subscripted(target)
            } else if skip("(") {
                guard case .name(let name) = target else { throw TemplateError("calls a value") }
                let (plain, named) = try arguments()
                target = .call(.function, nil, name, plain, named)
            } else if skip("|") {
                let name = try identifier()
                let (plain, named) = skip("(") ? try arguments() : ([], [])
                target = .call(.filter, target, name, plain, named)
            } else if skip(word: "is") {
                let isNegated = skip(word: "not")
                let name = try identifier()
                let (plain, named) = skip("(") ? try arguments() : ([], [])
                let test = TemplateExpression.call(.test, target, name, plain, named)
                target = isNegated ? .unary("not", test) : test
            } else {
                return target
            }
        }
    }

    private mutating func subscripted(_ target: TemplateExpression) throws(TemplateError) -> TemplateExpression {
        func bound(_ parser: inout Self) throws(TemplateError) -> TemplateExpression? {
            parser.next == .sign(":") || parser.next == .sign("]") ? nil : try parser.expression()
        }
        let first = try bound(&self)
        guard skip(":") else {
            guard let first else { throw TemplateError("has an empty index") }
            try expect("]")
            return .member(target, first)
        }
        let second = try bound(&self)
        let step = skip(":") ? try bound(&self) : nil
        try expect("]")
        return .slice(target, first, second, step)
    }
}
