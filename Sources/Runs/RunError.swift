/// Why a run folder can't be used, as a full sentence.
public struct RunError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable {
        /// The folder holds another run.
        case foreignFolder
        /// An input of the run has another content than when it began.
        case changedInput
        /// A file of the folder can't be read.
        case damaged
        /// Another process works in the folder.
        case inUse
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
