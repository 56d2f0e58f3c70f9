extension Command {
    /// Reads the command out of a completion.
    ///
    /// The command is the first line that begins with `###`; what stands before and after that line is ignored, and a
    /// completion without such a line is malformed. Within the line the form is strict: one space between the parts,
    /// a decimal line number, and everything behind `>>>` up to the end of the line, spaces included, is the content.
    /// The old string of `REPW` ends at the first ` >>>` after it; the new one may hold further `>>>`. Only blanks
    /// after `DELL <n>` and `EXIT` are forgiven.
    ///
    /// - Throws: ``CommandError`` of form; whether the program has the line shows when the command is applied.
    public init(parsing completion: String) throws(CommandError) {
        guard let line = completion.firstCommandLine else {
            throw CommandError(.noCommand, "no command: write one line that begins with \"### \", such as ### DELL 3")
        }
        var rest = line.unicodeScalars.dropFirst(3)
        guard rest.first == " " else {
            throw CommandError(
                .unknownCommand, "a command is \"###\", one space and one of DELL, ADDL, REPL, REPW, EXIT; not \(line)")
        }
        rest.removeFirst()
        let word = String(rest.prefix { $0 != " " && $0 != "\t" })
        rest = rest.dropFirst(word.unicodeScalars.count)

        switch word {
        case "EXIT":
            try Self.expectEnd(rest, after: "### EXIT")
            self = .exit
        case "DELL":
            let number = try Self.number(&rest, form: "### DELL <n>")
            try Self.expectEnd(rest, after: "### DELL \(number)")
            self = .delete(line: number)
        case "ADDL":
            let form = "### ADDL <n> >>><content>"
            let number = try Self.number(&rest, form: form)
            self = .insert(line: number, content: try Self.content(rest, form: form))
        case "REPL":
            let form = "### REPL <n> >>><content>"
            let number = try Self.number(&rest, form: form)
            self = .replace(line: number, content: try Self.content(rest, form: form))
        case "REPW":
            let form = "### REPW <n> >>><old> >>><new>"
            let number = try Self.number(&rest, form: form)
            let contents = try Self.content(rest, form: form)
            guard let separator = contents.utf8.firstRange(of: " >>>".utf8) else {
                throw CommandError(.missingContent, "REPW needs \" >>>\" and the new string after the old one: \(form)")
            }
            let old = String(contents.unicodeScalars[..<separator.lowerBound])
            if old.isEmpty { throw .emptyOld }
            self = .substitute(
                line: number, old: old, new: String(contents.unicodeScalars[separator.upperBound...]))
        default:
            throw CommandError(
                .unknownCommand, "unknown command \"\(word)\": the commands are DELL, ADDL, REPL, REPW and EXIT")
        }
        if let problem { throw problem }
    }

    private typealias Scalars = Substring.UnicodeScalarView

    /// Takes ` <digits>` off the front.
    private static func number(_ rest: inout Scalars, form: String) throws(CommandError) -> Int {
        let word = rest.dropFirst().prefix { $0 != " " && $0 != "\t" }
        guard rest.first == " ", !word.isEmpty, !word.starts(with: ">>>".unicodeScalars) else {
            throw CommandError(.missingNumber, "the line number is missing: \(form)")
        }
        guard word.allSatisfy({ ("0"..."9").contains($0) }), let number = Int(String(word)) else {
            throw CommandError(.badNumber, "\"\(String(word))\" is not a line number: \(form)")
        }
        rest = rest.dropFirst(1 + word.count)
        return number
    }

    /// What follows ` >>>`.
    private static func content(_ rest: Scalars, form: String) throws(CommandError) -> String {
        guard rest.starts(with: " >>>".unicodeScalars) else {
            throw CommandError(.missingContent, "\" >>>\" is missing before the content: \(form)")
        }
        return String(rest.dropFirst(4))
    }

    private static func expectEnd(_ rest: Scalars, after command: String) throws(CommandError) {
        guard rest.allSatisfy({ $0 == " " || $0 == "\t" }) else {
            throw CommandError(.extraText, "nothing may follow \(command), but there is:\(String(rest))")
        }
    }
}

extension String {
    /// The first line that begins with `###`, without its line end.
    fileprivate var firstCommandLine: String? {
        // Scalars, not characters: a combining mark after a line break, and CR LF, are one character to Swift.
        unicodeScalars
            .split(omittingEmptySubsequences: true) { $0 == "\n" || $0 == "\r" }
            .first { $0.starts(with: "###".unicodeScalars) }
            .map { String($0) }
    }
}

extension Collection where Element == UInt8 {
    /// The first place where the bytes of `needle` stand. Bytes, since Swift's strings also compare equal where
    /// Python's differ ("é" in one and in two code points).
    func firstRange(of needle: some Collection<UInt8>) -> Range<Index>? {
        var start = startIndex
        while start != endIndex {
            if self[start...].starts(with: needle) { return start..<index(start, offsetBy: needle.count) }
            formIndex(after: &start)
        }
        return nil
    }
}
