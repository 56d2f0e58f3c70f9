import PythonRepair

/// The grammar of the line editor as it was written before grammars became an algebra: a reference for
/// `ProgramText.grammar(allowsExit:)`.
struct ReferenceGrammar: Sendable {
    /// The state before the first byte.
    let start: State

    /// - Parameters:
    ///   - program: the program that the command is for.
    ///   - allowsExit: whether `### EXIT` may be written.
    ///   - excluded: commands that must not be written again, such as those tried in this state before.
    init(
        program: ProgramText, allowsExit: Bool = true, excluded: some Sequence<Command> = []
    ) {
        let rules = Rules(
            lines: program.lines.map { Array($0.utf8) },
            excludedDeletions: Set(
                excluded.compactMap { if case .delete(let line) = $0 { line } else { nil } }))
        var heads: [State.Path] = []
        for verb in Verb.allCases where rules.has(verb) {
            heads.append(.literal(Array("### \(verb.rawValue) ".utf8), then: .number(verb)))
        }
        if allowsExit { heads.append(.literal(Array("### EXIT".utf8), then: .end)) }
        start = State(rules: rules, paths: heads, excluded: excluded.map { Array($0.description.utf8) })
    }
}

enum Verb: String, CaseIterable, Hashable, Sendable {
    case delete = "DELL"
    case insert = "ADDL"
    case replace = "REPL"
    case substitute = "REPW"
}

/// The facts of one program that the grammar asks for; compared by identity.
final class Rules: Hashable, Sendable {
    let lines: [[UInt8]]
    let excludedDeletions: Set<Int>

    init(lines: [[UInt8]], excludedDeletions: Set<Int>) {
        self.lines = lines
        self.excludedDeletions = excludedDeletions
    }

    /// Whether `verb` can be applied to line `number`.
    func allows(_ verb: Verb, _ number: Int) -> Bool {
        switch verb {
        case .insert: (1...lines.count + 1).contains(number)
        case .delete:
            (1...max(1, lines.count)).contains(number) && !lines.isEmpty && !excludedDeletions.contains(number)
        case .replace: number >= 1 && number <= lines.count
        case .substitute: number >= 1 && number <= lines.count && !lines[number - 1].isEmpty
        }
    }

    func has(_ verb: Verb) -> Bool { (1...lines.count + 1).contains { allows(verb, $0) } }

    /// Whether some allowed line number begins with the digits of `value`.
    func allowsPrefix(_ verb: Verb, _ value: Int) -> Bool {
        var (low, high) = (value, value)
        while low <= lines.count + 1 {
            if (low...min(high, lines.count + 1)).contains(where: { allows(verb, $0) }) { return true }
            (low, high) = (low * 10, high * 10 + 9)
        }
        return false
    }

    static func == (left: Rules, right: Rules) -> Bool { left === right }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

extension ReferenceGrammar {
    /// What has been written so far, as far as it matters for what may follow.
    struct State: Hashable, Sendable {
        /// One way to read what was written; several are open where a REPW's old string may go on or end.
        enum Path: Hashable, Sendable {
            /// These bytes must come next.
            case literal([UInt8], then: Next)
            /// The digits so far; 0 for none.
            case number(Verb, Int)
            /// The old string of a REPW so far.
            case old(line: Int, text: [UInt8])
            /// Anything without a line break.
            case content
            case end
        }

        enum Next: Hashable, Sendable {
            case number(Verb)
            case old(line: Int)
            /// Content that must differ from `current`, the text it replaces.
            case content(current: [UInt8]?)
            case end
        }

        /// Nil once the program no longer matters, so that all such states are equal and masks can be shared.
        private let rules: Rules?
        private let paths: [Path]
        /// What is left to write of each excluded command that has been followed so far.
        private let excluded: [[UInt8]]

        init(rules: Rules?, paths: [Path], excluded: [[UInt8]]) {
            let dependsOnRules = paths.contains { if case .content = $0 { false } else { $0 != .end } }
            self.rules = dependsOnRules ? rules : nil
            self.paths = paths
            self.excluded = excluded
        }

        /// Whether the completion may end here.
        var canEnd: Bool { isComplete && !excluded.contains([]) }

        /// Whether it is a command that changes nothing, or an excluded one.
        var isExcluded: Bool { isComplete && excluded.contains([]) }

        private var isComplete: Bool {
            paths.contains { path in
                switch path {
                case .content, .end: true
                case .number(.delete, let number): rules?.allows(.delete, number) ?? false
                default: false
                }
            }
        }

        /// The state after one more byte; nil where the byte may not come.
        func advanced(by byte: UInt8) -> State? {
            // Inside content almost everything leads back here; worth a short way.
            if excluded.isEmpty, rules == nil, paths == [.content] { return byte == 0x0A || byte == 0x0D ? nil : self }
            var excluded = excluded.compactMap { $0.first == byte ? Array($0.dropFirst()) : nil }
            var next: [Path] = []
            for path in paths {
                switch path {
                case .literal(let bytes, let then):
                    guard bytes.first == byte else { continue }
                    if bytes.count > 1 {
                        next.append(.literal(Array(bytes.dropFirst()), then: then))
                        continue
                    }
                    switch then {
                    case .number(let verb): next.append(.number(verb, 0))
                    case .old(let line): next.append(.old(line: line, text: []))
                    case .end: next.append(.end)
                    case .content(let current):
                        next.append(.content)
                        if let current { excluded.append(current) }
                    }
                case .number(let verb, let value):
                    next += afterNumber(verb, value, byte)
                case .old(let line, let text):
                    next += afterOld(line, text, byte)
                case .content:
                    if byte != 0x0A && byte != 0x0D { next.append(.content) }
                case .end:
                    break
                }
            }
            return next.isEmpty ? nil : State(rules: rules, paths: next, excluded: excluded)
        }

        private func afterNumber(_ verb: Verb, _ value: Int, _ byte: UInt8) -> [Path] {
            guard let rules else { return [] }
            if (0x30...0x39).contains(byte), value > 0 || byte > 0x30 {
                let longer = value * 10 + Int(byte - 0x30)
                return rules.allowsPrefix(verb, longer) ? [.number(verb, longer)] : []
            }
            guard byte == 0x20, rules.allows(verb, value) else { return [] }
            switch verb {
            case .delete: return []
            case .insert: return [.literal(Array(">>>".utf8), then: .content(current: nil))]
            case .replace: return [.literal(Array(">>>".utf8), then: .content(current: rules.lines[value - 1]))]
            case .substitute: return [.literal(Array(">>>".utf8), then: .old(line: value))]
            }
        }

        private func afterOld(_ line: Int, _ text: [UInt8], _ byte: UInt8) -> [Path] {
            guard let rules else { return [] }
            var paths: [Path] = []
            let longer = text + [byte]
            // The parser ends the old string at the first " >>>", so it cannot hold one.
            let startsInsideCharacter = longer[0] & 0xC0 == 0x80
            if !startsInsideCharacter, !longer.suffix(4).elementsEqual(" >>>".utf8),
                rules.lines[line - 1].firstRange(of: longer) != nil
            {
                paths.append(.old(line: line, text: longer))
            }
            if byte == 0x20, !text.isEmpty, String(validating: text, as: UTF8.self) != nil {
                paths.append(.literal(Array(">>>".utf8), then: .content(current: text)))
            }
            return paths
        }
    }
}
