/// Why a command can't be read or carried out, as a sentence its writer (a model or a person) can act upon.
public struct CommandError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of fault. ``isMalformed`` tells faults of form from faults against the program at hand.
    public enum Code: String, Hashable, Sendable, Codable {
        /// No line of the completion begins with `###`.
        case noCommand
        /// A word after `###` that is no command.
        case unknownCommand
        /// No line number where one is needed.
        case missingNumber
        /// Something else where a line number is needed, or a number below 1 or beyond all programs.
        case badNumber
        /// No `>>>` where a content is needed.
        case missingContent
        /// A content that is not one line, or an old string that holds ` >>>`.
        case malformedContent
        /// `REPW` with nothing to replace.
        case emptyOld
        /// Text after a command that takes none.
        case extraText
        /// A line the program doesn't have.
        case lineOutOfRange
        /// `REPW` whose old string is not in the line.
        case notInLine
    }

    public var code: Code
    public var description: String

    /// Whether the command itself is ill-formed, whatever the program: these cost the paper's −0.5.
    public var isMalformed: Bool { code != .lineOutOfRange && code != .notInLine }

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    static let emptyOld = CommandError(
        .emptyOld, "REPW needs the string to replace: ### REPW <n> >>><old> >>><new>")
}
