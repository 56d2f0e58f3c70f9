/// A value of a GGUF file's metadata.
public enum GGUFValue: Hashable, Sendable {
    /// Numbers of any width.
    case integer(Int)
    case number(Double)
    /// A truth value.
    case bool(Bool)
    /// A text.
    case string(String)
    /// Lists; one of truth values is a list of 1 and 0.
    case integers([Int])
    case numbers([Double])
    case strings([String])
}

extension GGUFValue {
    /// The integer; nil for a value of another type.
    var integer: Int? { if case .integer(let value) = self { value } else { nil } }
}
