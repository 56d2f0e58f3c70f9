import PythonRepair
import StatefulTools

extension String {
    static func random(of parts: [String], upTo count: Int, using random: inout SeededGenerator) -> String {
        (0..<Int.random(in: 0...count, using: &random)).map { _ in parts.randomElement(using: &random)! }.joined()
    }
}

extension Command {
    static func random(lines: Int, using random: inout SeededGenerator) -> Command {
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
