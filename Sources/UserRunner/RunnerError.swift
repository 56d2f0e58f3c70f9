/// Why the user's runner can't judge, as full sentences; never a fault of the program under test.
public struct RunnerError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable {
        /// No usable Python interpreter.
        case interpreter
        /// The jail can't be made on this machine.
        case unavailable
        /// The tests can't be used: missing files, no tests, pytest is needed and missing.
        case unusableTests
        /// The runner ended twice on the same candidate.
        case broken
    }

    public let code: Code
    public let description: String

    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
