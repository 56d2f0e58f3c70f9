extension Grammar {
    /// A part any number of times, none included.
    public static func repeated(_ part: Grammar) -> Grammar {
        Grammar { next in
            GrammarNode(.loop(GrammarNode.Loop { again in GrammarNode(.choice([part.make(again), next])) }))
        }
    }

    /// A JSON value that fits a schema, written without blanks.
    ///
    /// Of JSON Schema it knows `type` (one, or a list), `enum`, `const`, `anyOf`, `items`, `properties` and `required`.
    /// Members come in the order of their names; those that are not required may be left out. What has no type may be
    /// any value, nested `depth` times at most.
    public static func json(_ schema: JSONValue, depth: Int = 4) -> Grammar {
        if let value = schema["const"] { return .literal(value.compactText) }
        if case .array(let values)? = schema["enum"] { return .oneOf(values.map(\.compactText)) }
        if case .array(let schemas)? = schema["anyOf"] { return .choice(schemas.map { .json($0, depth: depth) }) }
        let types: [String] =
            switch schema["type"] {
            case .string(let type)?: [type]
            case .array(let types)?: types.compactMap { if case .string(let type) = $0 { type } else { nil } }
            default:
                depth > 0
                    ? ["string", "number", "boolean", "null", "array", "object"]
                    : ["string", "number", "boolean", "null"]
            }
        return types.count == 1
            ? json(schema, type: types[0], depth) : .choice(types.map { json(schema, type: $0, depth) })
    }

    private static func json(_ schema: JSONValue, type: String, _ depth: Int) -> Grammar {
        switch type {
        case "string": jsonString
        case "integer": integer
        case "number", "float": number
        case "boolean": .oneOf(["true", "false"])
        case "null": .literal("null")
        case "array", "tuple": array(of: schema["items"] ?? .object([:]), depth)
        default: object(schema, depth)
        }
    }

    /// `-?(0|[1-9][0-9]*)`, of at most 18 digits.
    public static let integer = Grammar.choice([
        .literal("0"),
        .sequence([
            .choice([.literal(""), .literal("-")]), .bytes(ByteSet(0x31...0x39), count: 1...1),
            .bytes(.digits, count: 0...17),
        ]),
    ])

    private static let number = Grammar.sequence([
        integer, .choice([.literal(""), .sequence([.literal("."), .bytes(.digits, count: 1...17)])]),
    ])

    private static let jsonString: Grammar = {
        let plain = ByteSet((UInt8(0x20)...UInt8.max).filter { $0 != 0x22 && $0 != 0x5C })
        let hex = ByteSet(Array("0123456789abcdefABCDEF".utf8))
        let escape = Grammar.choice([
            .bytes(ByteSet(Array("\"\\/bfnrt".utf8)), count: 1...1),
            .sequence([.literal("u"), .bytes(hex, count: 4...4)]),
        ])
        let character = Grammar.choice([.bytes(plain, count: 1...1), .sequence([.literal("\\"), escape])])
        return .sequence([.literal("\""), .repeated(character), .literal("\"")])
    }()

    private static func array(of items: JSONValue, _ depth: Int) -> Grammar {
        let item = Grammar.json(items, depth: depth - 1)
        let more = Grammar.repeated(.sequence([.literal(","), item]))
        return .choice([.literal("[]"), .sequence([.literal("["), item, more, .literal("]")])])
    }

    private static func object(_ schema: JSONValue, _ depth: Int) -> Grammar {
        guard case .object(let properties)? = schema["properties"], !properties.isEmpty else {
            if case .object(let other)? = schema["additionalProperties"] {
                return members(of: .object(other), depth)
            }
            return depth > 0 ? members(of: .object([:]), depth) : .literal("{}")
        }
        var required: Set<String> = []
        if case .array(let names)? = schema["required"] {
            required = Set(names.compactMap { if case .string(let name) = $0 { name } else { nil } })
        }
        let parts = properties.sorted { $0.key < $1.key }.map { name, value in
            (
                member: Grammar.sequence([
                    .literal(JSONValue.string(name).compactText + ":"), .json(value, depth: depth - 1),
                ]), isRequired: required.contains(name)
            )
        }
        return Grammar { next in
            // The members from one on, first or behind a comma. They share their nodes: else each member that may be left
            // out would double them.
            var first = Grammar.literal("}").make(next)
            var further = first
            for (member, isRequired) in parts.reversed() {
                let with = member.make(further)
                let behindComma = Grammar.literal(",").make(with)
                first = isRequired ? with : GrammarNode(.choice([with, first]))
                further = isRequired ? behindComma : GrammarNode(.choice([behindComma, further]))
            }
            return Grammar.literal("{").make(first)
        }
    }

    /// An object with any names.
    private static func members(of schema: JSONValue, _ depth: Int) -> Grammar {
        let member = Grammar.sequence([jsonString, .literal(":"), .json(schema, depth: depth - 1)])
        let more = Grammar.repeated(.sequence([.literal(","), member]))
        return .choice([.literal("{}"), .sequence([.literal("{"), member, more, .literal("}")])])
    }
}
