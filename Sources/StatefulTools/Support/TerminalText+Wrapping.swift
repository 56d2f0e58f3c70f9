extension TerminalText {
    /// The text with long lines broken between words; further lines of a paragraph begin with two blanks.
    ///
    /// A line that begins with a blank, `+`, `-` or `@` is code, a table or a patch: it stays as it is. So does a word that
    /// is longer than a line.
    ///
    /// - Parameters:
    ///   - text: What ``render(_:hasColour:)`` gave.
    ///   - columns: The most characters of a line.
    public static func wrap(_ text: String, columns: Int) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.utf8.count <= columns ? String($0) : wrap(line: $0, max(20, columns)) }
            .joined(separator: "\n")
    }

    private static func wrap(line: Substring, _ columns: Int) -> String {
        if let first = withoutColours(line).first, " \t+-@".contains(first) { return String(line) }
        var (result, width, blanks) = ("", 0, 0)
        for word in line.split(separator: " ", omittingEmptySubsequences: false) {
            if !word.isEmpty {
                let length = withoutColours(word).count
                if result.isEmpty || width + blanks + length <= columns {
                    result += String(repeating: " ", count: blanks) + word
                    width += blanks + length
                } else {
                    result += "\n  " + word
                    width = 2 + length
                }
                blanks = 0
            }
            blanks += 1
        }
        return result
    }

    private static func withoutColours(_ text: Substring) -> String {
        text.contains("\u{1B}") ? String(text.replacing(/\x{1B}\[[0-9]*m/, with: "")) : String(text)
    }
}
