// Foundation's NFC is wrong on Linux (U+AC00 U+11A8 stays two scalars); the standard library's own is right, but for
// the three scalars below.
@_spi(_Unicode) import Swift

/// Unicode's normalization form C, as `tokenizers` and Python have it.
func normalizationFormC(_ text: String) -> String {
    // The standard library does not order marks around these, which are starters that decompose into marks.
    var scalars = text.unicodeScalars
    if scalars.contains(where: { (0xF73...0xF81).contains($0.value) }) {
        scalars = String.UnicodeScalarView(scalars.flatMap { unordered[$0] ?? [$0] })
    }
    return String(String.UnicodeScalarView(String(scalars)._nfc))
}

private let unordered: [Unicode.Scalar: [Unicode.Scalar]] = [
    "\u{F73}": ["\u{F71}", "\u{F72}"], "\u{F75}": ["\u{F71}", "\u{F74}"], "\u{F81}": ["\u{F71}", "\u{F80}"],
]
