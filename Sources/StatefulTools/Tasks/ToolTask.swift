import FoundationEssentials

/// One task for a tool: a line of a task file.
///
/// In a file it is a JSON object with `id`, `prompt`, `tool` (`python` where it is missing) and the tool's own fields
/// beside them.
public struct ToolTask: Hashable, Sendable {
    /// Unique in its set.
    public var id: String
    /// The name of the tool that it is for.
    public var tool: String
    /// The task in words; may be empty.
    public var prompt: String
    /// Everything else, for the tool to decode.
    public var fields: [String: JSONValue]

    /// The tool of a task that names none.
    public static let standardTool = "python"

    public init(id: String, tool: String = Self.standardTool, prompt: String = "", fields: [String: JSONValue] = [:]) {
        self.id = id
        self.tool = tool
        self.prompt = prompt
        self.fields = fields
    }

    /// Makes a task of a value that is coded as a JSON object with an `id`.
    public init(_ value: some Encodable, tool: String) throws {
        self = try JSONDecoder().decode(ToolTask.self, from: JSONEncoder().encode(value))
        self.tool = tool
    }

    /// The whole task as a tool's own type.
    ///
    /// - Throws: ``ToolTaskError`` that names the field.
    public func decode<Value: Decodable>(_ type: Value.Type) throws(ToolTaskError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: JSONEncoder().encode(self))
        } catch DecodingError.dataCorrupted(let context) where context.codingPath.isEmpty {
            // It is JSON: Foundation calls a number so that is none of the type.
            throw ToolTaskError(.badField, "task \"\(id)\": a number is not a whole number, or too large")
        } catch {
            throw ToolTaskError(.badField, "task \"\(id)\": \(ToolTaskError.sentence(error))")
        }
    }
}

extension ToolTask: Codable {
    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ string: String) { stringValue = string }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        id = try container.decode(String.self, forKey: Key("id"))
        tool = try container.decodeIfPresent(String.self, forKey: Key("tool")) ?? Self.standardTool
        prompt = try container.decodeIfPresent(String.self, forKey: Key("prompt")) ?? ""
        fields = [:]
        for key in container.allKeys where !["id", "tool", "prompt"].contains(key.stringValue) {
            fields[key.stringValue] = try container.decode(JSONValue.self, forKey: key)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(id, forKey: Key("id"))
        if tool != Self.standardTool { try container.encode(tool, forKey: Key("tool")) }
        try container.encode(prompt, forKey: Key("prompt"))
        for (name, value) in fields { try container.encode(value, forKey: Key(name)) }
    }
}
