import LanguageModels

/// Drafts commands from the program's own lines: what replaces a line begins like it and mostly goes on like it.
///
/// The lines are read off the messages, which show them with their numbers. A wrong guess costs a little time.
struct LineCopies: DraftSource {
    private var lines: [Int: [UInt8]] = [:]

    /// Shorter endings occur in too many places to say where the text is.
    private static let shortestMatch = 4
    private static let longestMatch = 24

    /// Takes in the lines that a message shows: `12>>>text` or `L 12 text`.
    mutating func read(_ message: String) {
        var shown: [Int: [UInt8]] = [:]
        for line in message.utf8.split(separator: 0x0A, omittingEmptySubsequences: true) {
            var rest = line[...]
            let isPaper = rest.starts(with: "L ".utf8)
            if isPaper { rest = rest.dropFirst(2) }
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            rest = rest.dropFirst(digits.count)
            let mark = isPaper ? " " : ">>>"
            guard let number = Int(String(decoding: digits, as: UTF8.self)), rest.starts(with: mark.utf8) else {
                continue
            }
            shown[number] = Array(rest.dropFirst(mark.utf8.count))
        }
        // A message with the first line shows the whole program, or nearly.
        lines = shown[1] == nil ? lines.merging(shown) { $1 } : shown
    }

    func continuation(of text: [UInt8]) -> [UInt8] {
        let mark = Array(">>>".utf8)
        guard text.starts(with: "### ".utf8), let head = text.firstRange(of: mark) else { return [] }
        let words = text[..<head.lowerBound].split(separator: 0x20)
        guard words.count == 3, let number = Int(String(decoding: words[2], as: UTF8.self)) else { return [] }
        let content = text[head.upperBound...]
        let own = lines[number] ?? []
        if content.isEmpty { return words[1].elementsEqual("REPL".utf8) ? own : [] }
        if words[1].elementsEqual("REPL".utf8), own.starts(with: content) { return Array(own[content.count...]) }
        // Behind the longest ending of the content that stands in a line; in its own line rather than another.
        let candidates = [own] + lines.keys.sorted().compactMap { $0 == number ? nil : lines[$0] }
        for length in stride(from: min(content.count, Self.longestMatch), through: Self.shortestMatch, by: -1) {
            let ending = Array(content.suffix(length))
            for line in candidates {
                if let place = line.firstRange(of: ending), place.upperBound < line.count {
                    return Array(line[place.upperBound...])
                }
            }
        }
        return []
    }
}
