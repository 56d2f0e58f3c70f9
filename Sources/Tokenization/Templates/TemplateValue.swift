/// A value of a chat template.
enum TemplateValue: Hashable {
    case undefined, nothing
    case bool(Bool)
    case int(Int)
    case string(String)
    case list([TemplateValue])
    case dictionary([String: TemplateValue])
    /// What `namespace()` makes: the number of its values among those of the run.
    case namespace(Int)

    /// Python's truth of a value.
    var isTrue: Bool {
        switch self {
        case .undefined, .nothing: false
        case .bool(let value): value
        case .int(let value): value != 0
        case .string(let text): !text.isEmpty
        case .list(let items): !items.isEmpty
        case .dictionary(let members): !members.isEmpty
        case .namespace: true
        }
    }

    /// As Jinja prints a value.
    func text() throws(TemplateError) -> String {
        switch self {
        case .undefined: return ""
        case .nothing: return "None"
        case .bool(let value): return value ? "True" : "False"
        case .int(let value): return String(value)
        case .string(let text): return text
        default: throw TemplateError("prints a list or an object")
        }
    }
}

/// What a template uses that is not read here, or what it refuses itself.
struct TemplateError: Error {
    let description: String
    /// Whether the template itself said so, by `raise_exception`.
    var isRaised = false

    init(_ description: String, isRaised: Bool = false) {
        self.description = description
        self.isRaised = isRaised
    }
}
