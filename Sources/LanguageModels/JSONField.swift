/// A value of a JSON object, as far as an adapter's configuration needs it.
enum JSONField: Decodable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case list([JSONField])
    case object([String: JSONField])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([String: JSONField].self) {
            self = .object(value)
        } else {
            self = .list(try container.decode([JSONField].self))
        }
    }

    /// Null, false or empty.
    var isNeutral: Bool {
        switch self {
        case .null, .bool(false): true
        case .list(let items): items.isEmpty
        case .object(let members): members.isEmpty
        case .string(let text): text.isEmpty
        default: false
        }
    }

    var isTrue: Bool { if case .bool(true) = self { true } else { false } }
    var number: Double? { if case .number(let value) = self { value } else { nil } }
    var string: String? { if case .string(let value) = self { value } else { nil } }

    /// The numbers of an object; nil for anything else.
    var numbers: [String: Double]? {
        guard case .object(let members) = self else { return nil }
        let numbers = members.compactMapValues(\.number)
        return numbers.count == members.count ? numbers : nil
    }

    /// The strings of a list; nil for anything else.
    var strings: [String]? {
        guard case .list(let items) = self else { return nil }
        let strings = items.compactMap(\.string)
        return strings.count == items.count ? strings : nil
    }

    /// The whole numbers of a list, or the only one; nil for anything else.
    var integers: [Int]? {
        if let number { return Int(exactly: number).map { [$0] } }
        guard case .list(let items) = self else { return nil }
        let integers = items.compactMap { $0.number.flatMap(Int.init(exactly:)) }
        return integers.count == items.count ? integers : nil
    }
}
