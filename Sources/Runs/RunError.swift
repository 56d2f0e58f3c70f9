/// Why a run folder can't be used, as a full sentence.
public struct RunError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable {
        /// The folder holds another run.
        case foreignFolder
        /// A file of the folder can't be read.
        case damaged
        /// The disk refused a file.
        case unwritable
    }

    public var code: Code
    public var description: String

    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
