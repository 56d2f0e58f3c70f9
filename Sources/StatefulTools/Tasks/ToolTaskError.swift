/// Why tasks can't be used, as a full sentence.
public struct ToolTaskError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable {
        /// The file can't be opened or unpacked.
        case unreadable
        /// A line is no task.
        case badLine
        /// A field is missing or wrong.
        case badField
        /// The task is for a tool that is not here.
        case unknownTool
        /// Nothing is left to work with.
        case nothingUsable
        /// A program that is needed, such as Python, is missing.
        case missingProgram
        /// A data set could not be fetched, or is not the one that is known.
        case fetch
    }

    public var code: Code
    public var description: String

    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    /// What a decoding error says about the JSON, naming the field.
    public static func sentence(_ error: any Error) -> String {
        func path(_ context: DecodingError.Context, _ key: (any CodingKey)? = nil) -> String {
            (context.codingPath + (key.map { [$0] } ?? []))
                .map { $0.intValue.map { "item \($0 + 1)" } ?? $0.stringValue }.joined(separator: ", ")
        }
        switch error as? DecodingError {
        case .keyNotFound(let key, let context)?: return "the field \"\(path(context, key))\" is missing"
        case .typeMismatch(let type, let context)?, .valueNotFound(let type, let context)?:
            return context.codingPath.isEmpty
                ? "it is not a JSON object" : "the field \"\(path(context))\" is not \(word(for: type))"
        case .dataCorrupted(let context)? where !context.codingPath.isEmpty:
            return "the field \"\(path(context))\"\(fault(context.debugDescription))"
        default: return "it is not JSON"
        }
    }

    /// JSON's word for a type of Swift.
    private static func word(for type: Any.Type) -> String {
        switch "\(type)" {
        case "String": "a text"
        case "Bool": "true or false"
        case "Double", "Float": "a number"
        case let name where name.hasPrefix("Int") || name.hasPrefix("UInt"): "a whole number"
        case let name where name.hasPrefix("Array"): "a list"
        default: "an object"
        }
    }

    /// What is wrong with a value, without the words of Swift's own decoders.
    private static func fault(_ description: String) -> String {
        if description.hasPrefix("Cannot initialize ") { return " has an unknown value" }
        let isNumber = description.hasPrefix("Parsed JSON number") || description.hasPrefix("Number ")
        return isNumber ? " is not a whole number, or too large" : ": \(description)"
    }
}
