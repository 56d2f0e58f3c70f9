/// Drafts commands from the program's own lines: what replaces a line begins like it and mostly goes on like it.
///
/// A wrong guess costs a little time.
struct LineCopies: Sendable {
    private let lines: [[UInt8]]

    init(lines: [String]) { self.lines = lines.map { Array($0.utf8) } }

    /// Shorter endings occur in too many places to say where the text is.
    private static let shortestMatch = 4
    private static let longestMatch = 24

    /// The bytes that may follow `text`, a command so far.
    func continuation(of text: [UInt8]) -> [UInt8] {
        let mark = Array(">>>".utf8)
        guard text.starts(with: "### ".utf8), let head = text.firstRange(of: mark) else { return [] }
        let words = text[..<head.lowerBound].split(separator: 0x20)
        guard words.count == 3, let number = Int(String(decoding: words[2], as: UTF8.self)) else { return [] }
        let content = text[head.upperBound...]
        let own = lines.indices.contains(number - 1) ? lines[number - 1] : []
        if content.isEmpty { return words[1].elementsEqual("REPL".utf8) ? own : [] }
        if words[1].elementsEqual("REPL".utf8), own.starts(with: content) { return Array(own[content.count...]) }
        // Behind the longest ending of the content that stands in a line; in its own line rather than another.
        let candidates = [own] + lines.indices.compactMap { $0 == number - 1 ? nil : lines[$0] }
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
