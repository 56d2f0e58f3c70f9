/// Why a policy can't go on, as a full sentence.
public struct PolicyError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable {
        /// The conversation no longer fits the model. The episode ends; the run goes on.
        case contextFull
        /// There is no player: no model, no server, a file that is missing or foreign.
        case unavailable
    }

    public var code: Code
    public var description: String

    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
