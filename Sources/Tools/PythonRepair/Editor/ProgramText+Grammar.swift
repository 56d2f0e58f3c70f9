public import StatefulTools

extension ProgramText {
    /// The commands that this program can take and that change it: line numbers that exist, for `REPW` strings that stand
    /// in the line, contents that differ from what they replace.
    ///
    /// - Parameters:
    ///   - allowsExit: whether `### EXIT` is one of them.
    ///   - window: the lines that may be changed; all when nil.
    public func grammar(allowsExit: Bool, within window: LineWindow? = nil) -> Grammar {
        let lines = lines
        let content = Grammar.sequence([.literal(" >>>"), .line])
        func head(_ verb: String, _ range: ClosedRange<Int>, _ then: (@Sendable (Int) -> Grammar)? = nil) -> Grammar {
            let allows = window.map { window in { @Sendable in window.contains($0) } }
            return .sequence([.literal("### \(verb) "), .number(in: range, where: allows, then: then)])
        }
        let places = window.map { window in { @Sendable in window.takesInsertion(before: $0) } }
        var commands = [
            Grammar.sequence([
                .literal("### ADDL "), .number(in: 1...lines.count + 1, where: places) { _ in content },
            ])
        ]
        if window?.ranges.isEmpty == true { return .choice(commands + (allowsExit ? [.literal("### EXIT")] : [])) }
        if !lines.isEmpty {
            commands.append(head("DELL", 1...lines.count))
            commands.append(
                head("REPL", 1...lines.count) { .sequence([.literal(" >>>"), .line.except(lines[$0 - 1])]) })
        }
        let isOpen: @Sendable (Int) -> Bool = { !lines[$0 - 1].isEmpty && window?.contains($0) != false }
        if lines.indices.contains(where: { isOpen($0 + 1) }) {
            @Sendable func substitution(_ number: Int) -> Grammar {
                let part = Grammar.substring(of: lines[number - 1], terminator: " >>>") { .line.except($0) }
                return .sequence([.literal(" >>>"), part])
            }
            let numbers = Grammar.number(
                in: 1...lines.count, where: isOpen, then: substitution)
            commands.append(.sequence([.literal("### REPW "), numbers]))
        }
        if allowsExit { commands.append(.literal("### EXIT")) }
        return .choice(commands)
    }

    /// Whether every line is the same up to blanks at its end.
    func differsInBlanksAlone(from other: ProgramText) -> Bool {
        func bare(_ line: String) -> Substring.UTF8View {
            let end = line.utf8.lastIndex { $0 != 0x20 && $0 != 0x09 }
            return line[..<(end.map { line.utf8.index(after: $0) } ?? line.startIndex)].utf8
        }
        return lines.count == other.lines.count
            && zip(lines, other.lines).allSatisfy { bare($0).elementsEqual(bare($1)) }
    }
}
