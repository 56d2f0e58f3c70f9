/// Why a server can't start, as a full sentence.
public struct ServingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of fault.
    public enum Code: String, Hashable, Sendable {
        /// The address is taken, foreign or not allowed.
        case address
        /// Bound beyond this machine without a token.
        case tokenNeeded
        /// There is nothing to serve: no task, no model.
        case nothingToServe
    }

    public var code: Code
    /// A sentence for people.
    public var description: String

    /// An error with its sentence.
    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
