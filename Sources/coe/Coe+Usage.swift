extension Coe {
    /// The parser's text with its usage lines broken between options; the parser breaks all others.
    static func usageWrapped(_ text: String, _ columns: Int) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let isUsage = line.hasPrefix("USAGE: ") || line.hasPrefix("Usage: ")
            return isUsage && line.count > columns ? wrap(usage: line, columns) : String(line)
        }.joined(separator: "\n")
    }

    private static func wrap(usage: Substring, _ columns: Int) -> String {
        // An option and its value stay together: [--tests <tests> ...].
        var items: [String] = []
        for word in usage.split(separator: " ") {
            let isInside = items.last.map { item in
                item.count(where: { $0 == "[" }) > item.count(where: { $0 == "]" })
                    || item.hasPrefix("-") && word.hasPrefix("<")
            }
            if isInside == true { items[items.count - 1] += " " + word } else { items.append(String(word)) }
        }
        var lines = [""]
        for item in items {
            let line = lines[lines.count - 1]
            if line.isEmpty {
                lines[lines.count - 1] = item
            } else if line.count + 1 + item.count <= columns {
                lines[lines.count - 1] += " " + item
            } else {
                lines.append("         " + item)
            }
        }
        return lines.joined(separator: "\n")
    }
}
