/// Text on its way to a terminal.
///
/// Programs, models and files write names, messages and states that may hold control sequences: of a terminal they could
/// change the title, the clipboard or what the reader sees. ``visible(_:)`` shows them escaped; ``render(_:hasColour:)``
/// does the same for a whole message and turns only the colours of ``paint(_:_:)`` into sequences.
public enum TerminalText {
    /// The ways to paint a text.
    public enum Style: Int, Sendable {
        case bold = 1
        case red = 31
        case green = 32
        case yellow = 33
        case grey = 90
    }

    /// Nobody else can write a mark: it holds a number that is drawn anew in each process.
    private static let mark = "\u{F8F0}\(UInt64.random(in: 0 ... .max));"
    private static let markEnd: Unicode.Scalar = "\u{F8F1}"

    /// A text with marks around it, which ``render(_:hasColour:)`` turns into colours.
    public static func paint(_ text: String, _ style: Style) -> String {
        "\(mark)\(style.rawValue)\(markEnd)\(text)\(mark)0\(markEnd)"
    }

    /// The text with all control characters but line breaks and tabs, and all characters that change the direction of
    /// writing, written as Python escapes them: `\x1b`, `\u202e`.
    public static func visible(_ text: some StringProtocol) -> String {
        // Nearly every text is free of them.
        guard text.unicodeScalars.contains(where: isHidden) else { return String(text) }
        var result = String.UnicodeScalarView()
        let scalars = Array(text.unicodeScalars)
        for (place, scalar) in scalars.enumerated() {
            // A carriage return is harmless as a part of a line's end alone.
            let endsLine = scalar == "\r" && place + 1 < scalars.count && scalars[place + 1] == "\n"
            guard isHidden(scalar), !endsLine else {
                result.append(scalar)
                continue
            }
            let digits = String(scalar.value, radix: 16)
            let width = scalar.value < 0x100 ? 2 : scalar.value < 0x10000 ? 4 : 8
            let padded = String(repeating: "0", count: max(0, width - digits.count)) + digits
            result.append(contentsOf: "\\\(width == 2 ? "x" : width == 4 ? "u" : "U")\(padded)".unicodeScalars)
        }
        return String(result)
    }

    /// The text as it is written to the terminal.
    ///
    /// - Parameters:
    ///   - text: What ``paint(_:_:)`` may have marked.
    ///   - hasColour: Whether marks become colours; otherwise they are left out.
    public static func render(_ text: String, hasColour: Bool) -> String {
        var result = ""
        for (index, part) in text.split(separator: mark, omittingEmptySubsequences: false).enumerated() {
            guard index > 0, let end = part.unicodeScalars.firstIndex(of: markEnd) else {
                result += visible(part)
                continue
            }
            if hasColour { result += "\u{1B}[\(part[..<end])m" }
            result += visible(part[part.unicodeScalars.index(after: end)...])
        }
        return result
    }

    /// JSON in which the same characters are written as `\u202e`; they can stand in strings alone.
    public static func visible(json: String) -> String {
        guard json.unicodeScalars.contains(where: { $0.value > 0x7E && isHidden($0) }) else { return json }
        var result = String.UnicodeScalarView()
        for scalar in json.unicodeScalars {
            if scalar.value > 0x7E, scalar.value < 0x10000, isHidden(scalar) {
                let digits = String(scalar.value, radix: 16)
                result.append(
                    contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".unicodeScalars)
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A: false
        case 0x00..<0x20, 0x7F..<0xA0: true
        // Marks, embeddings, overrides and isolates of direction; line and paragraph separators; U+FEFF.
        case 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        // Tags, which no terminal shows, and noncharacters.
        case 0xE0000...0xE007F, 0xFDD0...0xFDEF: true
        default: false
        }
    }
}
