/// Why a task file can't be used, as a full sentence.
public struct RepairTaskError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable {
        /// The file can't be opened or unpacked.
        case unreadable
        /// A line is no task.
        case badLine
        /// No Python to parse programs with.
        case noPython
        /// A data set could not be fetched, or is not the one that is known.
        case fetch
    }

    public var code: Code
    public var description: String

    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
