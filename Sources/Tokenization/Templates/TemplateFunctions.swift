/// The methods, filters and tests of chat templates.
enum TemplateFunctions {
    static func call(
        _ kind: TemplateExpression.Kind, _ name: String, on target: TemplateValue, _ arguments: [TemplateValue],
        _ named: [String: TemplateValue]
    ) throws(TemplateError) -> TemplateValue {
        switch kind {
        case .test: return .bool(try test(name, target, arguments))
        case .method: return try method(name, target, arguments)
        default: return try filter(name, target, arguments, named)
        }
    }

    private static func test(
        _ name: String, _ target: TemplateValue, _ arguments: [TemplateValue]
    ) throws(TemplateError) -> Bool {
        switch name {
        case "defined": return target != .undefined
        case "undefined": return target == .undefined
        case "none": return target == .nothing
        case "true": return target == .bool(true)
        case "false": return target == .bool(false)
        case "boolean": if case .bool = target { return true } else { return false }
        case "string": if case .string = target { return true } else { return false }
        case "number", "integer": if case .int = target { return true } else { return false }
        case "mapping": if case .dictionary = target { return true } else { return false }
        case "iterable", "sequence":
            switch target {
            case .string, .list, .dictionary: return true
            default: return false
            }
        case "equalto", "eq": return target == arguments.first
        default: throw TemplateError("tests by \(name)")
        }
    }

    private static func method(
        _ name: String, _ target: TemplateValue, _ arguments: [TemplateValue]
    ) throws(TemplateError) -> TemplateValue {
        if case .dictionary(let members) = target {
            switch (name, arguments.first) {
            case ("get", .string(let key)?): return members[key] ?? (arguments.count > 1 ? arguments[1] : .nothing)
            case ("items", nil):
                return .list(members.sorted { $0.key < $1.key }.map { .list([.string($0.key), $0.value]) })
            case ("keys", nil): return .list(members.keys.sorted().map { .string($0) })
            default: throw TemplateError("calls the method \(name)")
            }
        }
        guard case .string(let text) = target else { throw TemplateError("calls the method \(name)") }
        var words: [String] = []
        for argument in arguments {
            guard case .string(let word) = argument else { throw TemplateError("calls the method \(name)") }
            words.append(word)
        }
        switch (name, words.count) {
        case ("strip", 0...1): return .string(stripped(text, words.first))
        case ("lstrip", 0...1): return .string(stripped(text, words.first, end: false))
        case ("rstrip", 0...1): return .string(stripped(text, words.first, start: false))
        case ("startswith", 1): return .bool(text.utf8.starts(with: words[0].utf8))
        case ("endswith", 1): return .bool(text.utf8.reversed().starts(with: words[0].utf8.reversed()))
        case ("upper", 0): return .string(text.uppercased())
        case ("lower", 0): return .string(text.lowercased())
        case ("title", 0), ("capitalize", 0):
            return .string(text.prefix(1).uppercased() + text.dropFirst().lowercased())
        case ("replace", 2) where !words[0].isEmpty:
            return .string(
                try joined(
                    text.split(separator: words[0], omittingEmptySubsequences: false).map(String.init), by: words[1]))
        case ("split", 1) where !words[0].isEmpty:
            return .list(text.split(separator: words[0], omittingEmptySubsequences: false).map { .string(String($0)) })
        default: throw TemplateError("calls the method \(name)")
        }
    }

    private static func filter(
        _ name: String, _ target: TemplateValue, _ arguments: [TemplateValue], _ named: [String: TemplateValue]
    ) throws(TemplateError) -> TemplateValue {
        switch (name, target) {
        case ("safe", _): return target
        case ("default", _), ("d", _):
            let replaces = target == .undefined || (arguments.count > 1 && arguments[1].isTrue && !target.isTrue)
            return replaces ? arguments.first ?? .string("") : target
        case ("trim", .string(let text)) where arguments.isEmpty: return .string(stripped(text, nil))
        case ("trim", .nothing), ("string", _): return .string(try target.text())
        case ("upper", .string(let text)): return .string(text.uppercased())
        case ("lower", .string(let text)): return .string(text.lowercased())
        case ("capitalize", .string(let text)):
            return .string(text.prefix(1).uppercased() + text.dropFirst().lowercased())
        case ("length", .string(let text)), ("count", .string(let text)): return .int(text.unicodeScalars.count)
        case ("length", .list(let items)), ("count", .list(let items)): return .int(items.count)
        case ("length", .dictionary(let members)), ("count", .dictionary(let members)): return .int(members.count)
        case ("first", .list(let items)): return items.first ?? .undefined
        case ("last", .list(let items)): return items.last ?? .undefined
        case ("list", .list): return target
        case ("reverse", .list(let items)): return .list(items.reversed())
        case ("join", .list(let items)):
            var texts: [String] = []
            for item in items { texts.append(try item.text()) }
            return .string(try joined(texts, by: try arguments.first?.text() ?? ""))
        case ("selectattr", .list(let items)) where arguments.count == 3:
            return .list(try selected(items, arguments, keeps: true))
        case ("rejectattr", .list(let items)) where arguments.count == 3:
            return .list(try selected(items, arguments, keeps: false))
        default: throw TemplateError("uses the filter \(name)")
        }
    }

    /// The texts in one, refused before it is made where it is huge.
    private static func joined(_ texts: [String], by separator: String) throws(TemplateError) -> String {
        guard texts.reduce(0, { $0 + $1.utf8.count + separator.utf8.count }) <= 1 << 20 else {
            throw TemplateError("makes a text without end")
        }
        return texts.joined(separator: separator)
    }

    /// The items whose attribute passes a test: `selectattr('role', 'equalto', 'user')`.
    private static func selected(
        _ items: [TemplateValue], _ arguments: [TemplateValue], keeps: Bool
    ) throws(TemplateError) -> [TemplateValue] {
        var kept: [TemplateValue] = []
        for item in items {
            guard case .dictionary(let members) = item, case .string(let key) = arguments[0],
                case .string(let name) = arguments[1]
            else { throw TemplateError("selects among values that are no objects") }
            if try test(name == "==" ? "eq" : name, members[key] ?? .undefined, [arguments[2]]) == keeps {
                kept.append(item)
            }
        }
        return kept
    }

    /// As Python's `str.strip`, which also strips U+001C to U+001F.
    static func stripped(_ text: String, _ characters: String?, start: Bool = true, end: Bool = true) -> String {
        let set = characters.map { Set($0.unicodeScalars) }
        func goes(_ scalar: Unicode.Scalar) -> Bool {
            set?.contains(scalar) ?? (scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value))
        }
        var scalars = text.unicodeScalars[...]
        while start, let first = scalars.first, goes(first) { scalars.removeFirst() }
        while end, let last = scalars.last, goes(last) { scalars.removeLast() }
        return String(scalars)
    }
}
