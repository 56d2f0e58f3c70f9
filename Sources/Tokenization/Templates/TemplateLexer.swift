/// Cuts a Jinja template into text and tags, with the settings of Transformers: `trim_blocks` and `lstrip_blocks`.
struct TemplateLexer {
    /// A part of a template.
    enum Part {
        case text(String)
        /// `{{ … }}`
        case output([Token])
        /// `{% … %}`
        case statement([Token])
    }

    /// A word or sign inside a tag.
    enum Token: Hashable {
        case name(String)
        case string(String)
        case int(Int)
        case sign(String)
    }

    /// The most words and signs of a tag. Expressions nest no deeper, so that reading and running them needs little stack.
    private static let longestTag = 512
    private let source: [Unicode.Scalar]
    private var position = 0

    /// Line breaks of all kinds are `\n`, as in Jinja.
    init(_ template: String) {
        var isBehindReturn = false
        source = template.unicodeScalars.compactMap { (scalar: Unicode.Scalar) -> Unicode.Scalar? in
            defer { isBehindReturn = scalar == "\r" }
            if scalar == "\r" { return "\n" }
            return scalar == "\n" && isBehindReturn ? nil : scalar
        }
    }

    mutating func parts() throws(TemplateError) -> [Part] {
        var parts: [Part] = []
        var text = ""
        /// How the text behind the last tag begins: with a line break that the tag takes, or with white space.
        var (takesBreak, takesSpace) = (false, false)
        while position < source.count {
            guard source[position] == "{", position + 1 < source.count,
                "{%#".unicodeScalars.contains(source[position + 1])
            else {
                let scalar = source[position]
                position += 1
                if takesSpace, scalar.properties.isWhitespace { continue }
                let isBreak = takesBreak && scalar == "\n"
                (takesBreak, takesSpace) = (false, false)
                if !isBreak { text.unicodeScalars.append(scalar) }
                continue
            }
            let kind = source[position + 1]
            position += 2
            (takesBreak, takesSpace) = (false, false)
            let sign = position < source.count ? source[position] : " "
            if sign == "-" {
                Self.strip(&text) { $0.properties.isWhitespace }
                position += 1
            } else if sign == "+", kind != "{" {
                position += 1
            } else if kind != "{" {
                Self.stripLine(&text)
            }
            if !text.isEmpty { parts.append(.text(text)) }
            text = ""
            let tokens = kind == "#" ? [] : try self.tokens(until: kind == "{" ? "}" : "%")
            if kind == "#" { try skipComment() }
            takesSpace = source[position - 3] == "-"
            takesBreak = kind != "{" && source[position - 3] != "+"
            if kind != "#" { parts.append(kind == "{" ? .output(tokens) : .statement(tokens)) }
        }
        if !text.isEmpty { parts.append(.text(text)) }
        return parts
    }

    private static func strip(_ text: inout String, _ goes: (Unicode.Scalar) -> Bool) {
        while let last = text.unicodeScalars.last, goes(last) { text.unicodeScalars.removeLast() }
    }

    /// Takes the blanks before a tag that is the first thing on its line.
    private static func stripLine(_ text: inout String) {
        var stripped = text
        strip(&stripped) { $0 == " " || $0 == "\t" }
        if stripped.isEmpty || stripped.unicodeScalars.last == "\n" { text = stripped }
    }

    private mutating func skipComment() throws(TemplateError) {
        while position + 1 < source.count, !(source[position] == "#" && source[position + 1] == "}") { position += 1 }
        guard position + 1 < source.count else { throw TemplateError("has a comment without an end") }
        position += 2
    }

    /// The tokens up to the tag's end, `%}` or `}}`, which is passed over.
    private mutating func tokens(until end: Unicode.Scalar) throws(TemplateError) -> [Token] {
        var tokens: [Token] = []
        var depth = 0
        while position < source.count {
            guard tokens.count <= Self.longestTag else {
                throw TemplateError("has a tag of more than \(Self.longestTag) words and signs")
            }
            let scalar = source[position]
            let next = position + 1 < source.count ? source[position + 1] : " "
            if depth == 0, scalar == end, next == "}" {
                position += 2
                return tokens
            }
            if depth == 0, scalar == "-" || scalar == "+", next == end, position + 2 < source.count,
                source[position + 2] == "}"
            {
                position += 3
                return tokens
            }
            if scalar.properties.isWhitespace {
                position += 1
            } else if scalar == "'" || scalar == "\"" {
                tokens.append(.string(try string(scalar)))
            } else if scalar == "_" || scalar.properties.isAlphabetic {
                tokens.append(.name(run { $0 == "_" || $0.properties.isAlphabetic || ("0"..."9").contains($0) }))
            } else if ("0"..."9").contains(scalar) {
                guard let value = Int(run { ("0"..."9").contains($0) }) else {
                    throw TemplateError("has a huge number")
                }
                tokens.append(.int(value))
            } else {
                let pair = String(String.UnicodeScalarView([scalar, next]))
                let isPair = ["==", "!=", "<=", ">=", "//", "**"].contains(pair)
                if "([{".unicodeScalars.contains(scalar) { depth += 1 }
                if ")]}".unicodeScalars.contains(scalar) { depth -= 1 }
                tokens.append(.sign(isPair ? pair : String(Character(scalar))))
                position += isPair ? 2 : 1
            }
        }
        throw TemplateError("has a tag without an end")
    }

    private mutating func run(_ goesOn: (Unicode.Scalar) -> Bool) -> String {
        let start = position
        while position < source.count, goesOn(source[position]) { position += 1 }
        return String(String.UnicodeScalarView(source[start..<position]))
    }

    private static let escapes: [Unicode.Scalar: Unicode.Scalar] = [
        "n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", "\"": "\"",
    ]

    private mutating func string(_ quote: Unicode.Scalar) throws(TemplateError) -> String {
        var text = String.UnicodeScalarView()
        position += 1
        while position < source.count, source[position] != quote {
            guard source[position] == "\\", position + 1 < source.count else {
                text.append(source[position])
                position += 1
                continue
            }
            let escape = source[position + 1]
            position += 2
            let digits = escape == "x" ? 2 : escape == "u" ? 4 : 0
            if let plain = Self.escapes[escape] {
                text.append(plain)
            } else if digits > 0, position + digits <= source.count,
                let value = UInt32(String(String.UnicodeScalarView(source[position..<position + digits])), radix: 16),
                let scalar = Unicode.Scalar(value)
            {
                text.append(scalar)
                position += digits
            } else {
                text.append(contentsOf: ["\\", escape])
            }
        }
        guard position < source.count else { throw TemplateError("has a string without an end") }
        position += 1
        return String(text)
    }
}
