import Testing

@testable import StatefulTools

@Suite struct TerminalTextTests {
    @Test func `sentences are broken between words, patches and code are not`() {
        let text = "one two three four five six"
        #expect(TerminalText.wrap("\(text)\n\nshort", columns: 20) == "one two three four\n  five six\n\nshort")
        for line in ["+\(text)", "    \(text)", "@@ \(text) @@"] {
            #expect(TerminalText.wrap(line, columns: 20) == line)
        }
        let word = String(repeating: "x", count: 30)
        #expect(TerminalText.wrap("a \(word) b", columns: 20) == "a\n  \(word)\n  b")
        let red = "\u{1B}[31mone two three four\u{1B}[0m five"
        #expect(TerminalText.wrap(red, columns: 20) == "\u{1B}[31mone two three four\u{1B}[0m\n  five")
    }

    /// What takes a terminal over, or shows other words than there are.
    static let attacks = [
        ("\u{1B}]0;owned\u{07}", #"\x1b]0;owned\x07"#), ("\u{1B}[2J\u{1B}[H", #"\x1b[2J\x1b[H"#),
        ("\u{9B}31m", #"\x9b31m"#), ("a\rb", #"a\x0db"#), ("a\u{08}b", #"a\x08b"#),
        ("\u{202E}cod.exe", #"\u202ecod.exe"#),
        ("\u{2066}x\u{2069}", #"\u2066x\u2069"#), ("\u{200F}", #"\u200f"#), ("\u{1B}P+q\u{1B}\\", #"\x1bP+q\x1b\"#),
        ("\u{E0041}", #"\U000e0041"#), ("\u{7F}", #"\x7f"#), ("\u{2028}", #"\u2028"#), ("\u{FEFF}", #"\ufeff"#),
    ]

    @Test(arguments: attacks) func controlsAreShownEscaped(text: String, shown: String) {
        #expect(TerminalText.visible(text) == shown)
        for hasColour in [true, false] { #expect(TerminalText.render(text, hasColour: hasColour) == shown) }
    }

    @Test func ordinaryTextStaysAsItIs() {
        let text = "def f(x):\r\n\treturn 'é漢字🙂👩‍👩‍👧 ' \\x1b"
        #expect(TerminalText.visible(text) == text)
        #expect(TerminalText.render(text, hasColour: true) == text)
    }

    @Test func onlyOwnColoursReachTheTerminal() {
        let painted = "a " + TerminalText.paint("b\u{1B}[5m", .red) + " c\u{1B}[31m"
        #expect(TerminalText.render(painted, hasColour: true) == "a \u{1B}[31mb\\x1b[5m\u{1B}[0m c\\x1b[31m")
        #expect(TerminalText.render(painted, hasColour: false) == "a b\\x1b[5m c\\x1b[31m")
    }

    @Test func jsonKeepsItsMeaning() {
        let json = "{\"a\":\"\u{202E}x\u{9B}é\"}"
        #expect(TerminalText.visible(json: json) == #"{"a":"\u202ex\u009bé"}"#)
    }
}
