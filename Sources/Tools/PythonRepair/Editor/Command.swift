/// One edit of the program, or the end of the episode: the action of the Chain-of-Edits method.
///
/// Line numbers are 1-based. Contents are single lines. The written forms (arXiv 2507.05065):
///
///     ### DELL <n>                      delete line n
///     ### ADDL <n> >>><content>         insert content before line n; n = count + 1 appends
///     ### REPL <n> >>><content>         replace line n
///     ### REPW <n> >>><old> >>><new>    replace every occurrence of old in line n by new
///     ### EXIT                          stop
///
/// That n = count + 1 appends, and that `REPW` replaces every occurrence, are this project's readings;
/// the published accounts of the method leave both open.
public enum Command: Hashable, Sendable {
    case delete(line: Int)
    case insert(line: Int, content: String)
    case replace(line: Int, content: String)
    case substitute(line: Int, old: String, new: String)
    case exit

    /// The line that the command names, or nil for `EXIT`.
    public var line: Int? {
        switch self {
        case .delete(let line), .insert(let line, _), .replace(let line, _), .substitute(let line, _, _): line
        case .exit: nil
        }
    }

    /// Why this command has no written form, or nil when it has one: ``init(parsing:)`` then reads back what
    /// ``description`` prints.
    ///
    /// A content must be one line, a line number positive, and the old string of a substitution neither empty nor
    /// holding ` >>>`, which ends it.
    public var problem: CommandError? {
        switch self {
        case .exit: return nil
        case .delete(let line): return Self.problem(line: line, contents: [])
        case .insert(let line, let content), .replace(let line, let content):
            return Self.problem(line: line, contents: [content])
        case .substitute(let line, let old, let new):
            if old.isEmpty { return .emptyOld }
            if let separator = old.utf8.firstRange(of: " >>>".utf8) {
                return CommandError(
                    .malformedContent,
                    "the old string of REPW ends at the first \" >>>\", so it can't hold one: "
                        + String(old.unicodeScalars[..<separator.lowerBound]))
            }
            return Self.problem(line: line, contents: [old, new])
        }
    }

    private static func problem(line: Int, contents: [String]) -> CommandError? {
        if line < 1 { return CommandError(.badNumber, "line \(line) does not exist: lines are counted from 1") }
        if contents.contains(where: { $0.utf8.contains { $0 == 0x0A || $0 == 0x0D } }) {
            return CommandError(.malformedContent, "a content is one line; use one ADDL for each further line")
        }
        return nil
    }
}

extension Command: CustomStringConvertible {
    /// The command as the model writes it.
    public var description: String {
        switch self {
        case .delete(let line): "### DELL \(line)"
        case .insert(let line, let content): "### ADDL \(line) >>>\(content)"
        case .replace(let line, let content): "### REPL \(line) >>>\(content)"
        case .substitute(let line, let old, let new): "### REPW \(line) >>>\(old) >>>\(new)"
        case .exit: "### EXIT"
        }
    }
}

/// Coded as its written form, so that a trace reads like the episode.
extension Command: Codable {
    public init(from decoder: any Decoder) throws {
        self = try Command(parsing: decoder.singleValueContainer().decode(String.self))
    }

    public func encode(to encoder: any Encoder) throws {
        if let problem { throw problem }
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
