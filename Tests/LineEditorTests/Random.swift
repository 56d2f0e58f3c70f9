import LineEditor

/// A seeded generator, so that a failure comes back (Steele, Lea, Flood 2014).
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

extension String {
    static func random(of parts: [String], upTo count: Int, using random: inout SplitMix64) -> String {
        (0..<Int.random(in: 0...count, using: &random)).map { _ in parts.randomElement(using: &random)! }.joined()
    }
}

extension Command {
    static func random(lines: Int, using random: inout SplitMix64) -> Command {
        let parts = [
            "a", "x=1", " ", "\t", ">>>", " >>>", "#", "é", "e\u{301}", "🐍", "\u{200D}", "\u{A0}", "日本", "\"", "\\",
        ]
        let line = Int.random(in: 1...max(1, lines), using: &random)
        let content = String.random(of: parts, upTo: 6, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: return .delete(line: line)
        case 1: return .insert(line: line, content: content)
        case 2: return .replace(line: line, content: content)
        case 3:
            return .substitute(line: line, old: String.random(of: parts, upTo: 3, using: &random), new: content)
        default: return .exit
        }
    }
}
