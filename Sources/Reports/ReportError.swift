/// Why a report can't be made or a file not be written, as a full sentence.
public struct ReportError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable {
        /// The file or folder can't be written.
        case unwritable
        /// The folder is no run, or one of its files is damaged.
        case noRun
    }

    public var code: Code
    public var description: String

    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
