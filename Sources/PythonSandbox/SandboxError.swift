/// A fault of the sandbox, or tests that cannot be used; never a fault of the program.
public struct SandboxError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of faults.
    public enum Code: String, Hashable, Sendable {
        /// A layer of the jail is missing on this machine.
        case unavailable
        /// No usable Python interpreter.
        case interpreter
        /// The tests cannot be parsed, import what is not there, hold no test, or need what is refused.
        case unusableTests
        /// A worker broke, and again when the job was run anew.
        case workerBroken
        /// The sandbox was shut down.
        case shutDown
    }

    public let code: Code
    /// What happened, where, and what to do, in whole sentences.
    public let description: String
    /// The tests that are refused, by the kind of reason; empty for other faults.
    public let refusals: [String: Int]

    /// Makes an error.
    public init(code: Code, description: String, refusals: [String: Int] = [:]) {
        self.code = code
        self.description = description
        self.refusals = refusals
    }
}
