import Foundation

/// A JSON value as Python writes it. The text stays as it is but for the three words, so that `3.0` stays a float.
struct PythonLiteral {
    var text: String

    init(json: String) {
        text = ""
        Self.scan(json) { part, isString in
            text +=
                isString
                ? part.replacing("\\/", with: "/")
                : part.replacing("true", with: "True").replacing("false", with: "False").replacing("null", with: "None")
        }
    }

    /// The elements of a JSON array, each as its text; nothing when it is none.
    static func elements(_ json: String) -> [String] {
        let text = json.trimmingCharacters(in: .whitespacesAndNewlines)
        guard text.hasPrefix("["), text.hasSuffix("]") else { return [] }
        return split(String(text.dropFirst().dropLast()))
    }

    /// The parts between commas outside of brackets and strings.
    static func split(_ text: String) -> [String] {
        var parts = [""]
        var depth = 0
        scan(text) { part, isString in
            if isString {
                parts[parts.count - 1] += part
                return
            }
            for character in part {
                if "[{(".contains(character) { depth += 1 }
                if "]})".contains(character) { depth -= 1 }
                if character == "," && depth == 0 {
                    parts.append("")
                } else {
                    parts[parts.count - 1].append(character)
                }
            }
        }
        parts = parts.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        return parts == [""] ? [] : parts
    }

    /// Calls `body` with each string, its quotes included, and each stretch between strings.
    private static func scan(_ text: String, _ body: (_ part: String, _ isString: Bool) -> Void) {
        var part = ""
        var isString = false
        var isEscaped = false
        for character in text {
            if isString {
                part.append(character)
                if isEscaped {
                    isEscaped = false
                } else if character == "\\" {
                    isEscaped = true
                } else if character == "\"" {
                    body(part, true)
                    (part, isString) = ("", false)
                }
            } else if character == "\"" {
                body(part, false)
                (part, isString) = ("\"", true)
            } else {
                part.append(character)
            }
        }
        body(part, isString)
    }
}
