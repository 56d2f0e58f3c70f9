import StatefulTools

/// Turns an edit script into the steps of a demonstration.
struct RepairPlan {
    var script: EditScript
    private var done: Set<Int> = []
    private(set) var steps: [Step] = []

    init(_ script: EditScript) { self.script = script }

    /// The changed slots in the order in which they are repaired.
    ///
    /// Independent changes come in any order: where they came from the top, a model learned to count lines instead of
    /// reading them. The lines of one change follow each other, downwards or upwards.
    ///
    /// - Parameter line: where the tests found something wrong, if they did: the change nearest to it comes first.
    func order(from line: Int? = nil, using generator: inout SeededGenerator) -> [Int] {
        let changes = script.changes
        var groups = Dictionary(grouping: changes) { script.slots[$0].group }.values.sorted { $0[0] < $1[0] }
        generator.shuffle(&groups)
        if let line {
            func distance(_ group: [Int]) -> Int {
                group.map { abs(script.lineNumber(of: $0, done: []) - line) }.min() ?? .max
            }
            if let nearest = groups.indices.min(by: { distance(groups[$0]) < distance(groups[$1]) }) {
                groups.insert(groups.remove(at: nearest), at: 0)
            }
        }
        return groups.flatMap { generator.chance(0.5) ? $0 : $0.reversed() }
    }

    /// Changes one slot.
    mutating func repair(_ slot: Int, using generator: inout SeededGenerator) {
        let line = script.lineNumber(of: slot, done: done)
        var command = script.command(for: slot, done: done)
        if let old = script.slots[slot].old, let new = script.slots[slot].new {
            command = change(line: line, from: old, to: new, using: &generator)
        }
        add(command)
        done.insert(slot)
    }

    /// A wrong edit before the repair of `slot`, and the way out of it up to where the repair can follow.
    ///
    /// - Parameter wrongLines: lines that could plausibly stand where the correct program has this line (from 0).
    /// - Returns: false when the draw found no wrong edit; the plan is as before then.
    mutating func stray(
        before slot: Int, wrongLines: (Int) -> [String], using generator: inout SeededGenerator
    ) -> Bool {
        switch generator.below(4) {
        case 0: strayCommand(before: slot, using: &generator)
        case 1: wrongFix(of: slot, wrongLines: wrongLines, using: &generator)
        default: wrongPlace(wrongLines: wrongLines, using: &generator)
        }
    }

    /// A command that the program can't take: the right one at a line beyond the end, or for a string that isn't there.
    private mutating func strayCommand(before slot: Int, using generator: inout SeededGenerator) -> Bool {
        let count = currentLines.count
        let beyond = count + 1 + generator.below(4)
        var wrong: Command
        switch script.command(for: slot, done: done) {
        case .delete: wrong = .delete(line: beyond)
        case .insert(_, let content): wrong = .insert(line: beyond + 1, content: content)
        case .replace(let line, let content):
            wrong = .replace(line: beyond, content: content)
            if let old = script.slots[slot].old,
                case .substitute(_, let part, let new)? = substitution(line: line, from: old, to: content, &generator),
                generator.chance(0.7)
            {
                let others = currentLines.enumerated().filter { !$0.element.contains(part) }.map(\.offset)
                // The neighbours most of all, for this is what counting instead of reading does.
                let near = others.filter { abs($0 + 1 - line) <= 2 }
                guard let place = generator.element(of: near.isEmpty ? others : near) else { return false }
                wrong = .substitute(line: place + 1, old: part, new: new)
            }
        default: return false
        }
        add(wrong, learn: false)
        return true
    }

    /// The right line, a wrong content; then either back to where it was or, as the repair that follows, straight on.
    private mutating func wrongFix(
        of slot: Int, wrongLines: (Int) -> [String], using generator: inout SeededGenerator
    ) -> Bool {
        guard let right = script.slots[slot].new else { return false }
        let old = script.slots[slot].old
        let candidates = wrongLines(referenceLine(of: slot)).filter { $0 != old && $0 != right }
        guard let wrong = generator.element(of: candidates) else { return false }
        let line = script.lineNumber(of: slot, done: done)
        if let old {
            add(change(line: line, from: old, to: wrong, using: &generator), learn: false)
            if generator.chance(0.5) {
                add(change(line: line, from: wrong, to: old, using: &generator))
            } else {
                script.slots[slot].old = wrong
            }
        } else {
            add(.insert(line: line, content: wrong), learn: false)
            if generator.chance(0.5) {
                add(.delete(line: line))
            } else {
                script.slots[slot].old = wrong
            }
        }
        return true
    }

    /// A line that is right is changed or deleted, and had back.
    private mutating func wrongPlace(wrongLines: (Int) -> [String], using generator: inout SeededGenerator) -> Bool {
        let intact = script.slots.indices.filter { slot in
            script.slots[slot].new != nil && (!script.slots[slot].isChange || done.contains(slot))
        }
        guard let slot = generator.element(of: intact), let right = script.slots[slot].new,
            !right.allSatisfy(\.isWhitespace)
        else { return false }
        let line = script.lineNumber(of: slot, done: done)
        if generator.chance(0.25) {
            add(.delete(line: line), learn: false)
            add(.insert(line: line, content: right))
            return true
        }
        let candidates = wrongLines(referenceLine(of: slot)).filter { $0 != right }
        guard let wrong = generator.element(of: candidates) else { return false }
        add(change(line: line, from: right, to: wrong, using: &generator), learn: false)
        add(change(line: line, from: wrong, to: right, using: &generator))
        return true
    }

    private mutating func add(_ command: Command, learn: Bool = true) {
        steps.append(Step(command.description, learn: learn))
    }

    /// The index of the slot's line in the correct program.
    private func referenceLine(of slot: Int) -> Int { script.slots.prefix(slot).count { $0.new != nil } }

    private var currentLines: [String] {
        script.slots.indices.compactMap { done.contains($0) ? script.slots[$0].new : script.slots[$0].old }
    }

    /// A change of one line: by REPW where little of it changes, by REPL otherwise, and now and then anyway.
    private func change(
        line: Int, from old: String, to new: String, using generator: inout SeededGenerator
    ) -> Command {
        if let command = substitution(line: line, from: old, to: new, &generator), generator.chance(0.75) {
            return command
        }
        return .replace(line: line, content: new)
    }
}

/// The change of a line as REPW: the old string is short, whole words, in the line once; nil where there is none.
func substitution(line: Int, from old: String, to new: String, _ generator: inout SeededGenerator) -> Command? {
    let a = pieces(of: old)
    let b = pieces(of: new)
    var head = 0
    while head < min(a.count, b.count), a[head] == b[head] { head += 1 }
    var tail = 0
    while tail < min(a.count, b.count) - head, a[a.count - 1 - tail] == b[b.count - 1 - tail] { tail += 1 }
    if head == a.count && head == b.count { return nil }

    func blankEnds(_ text: String) -> Bool { text.first == " " || text.last == " " || text.contains("\t") }
    var found: (old: String, new: String)?
    // Wider, to one side or the other, until the string is there, there once, and free of blanks at its ends.
    var more = generator.chance(0.3) ? 1 : 0
    while true {
        let part = a[head..<a.count - tail].joined()
        let replacement = b[head..<b.count - tail].joined()
        let isUsable =
            !part.isEmpty && !part.contains(" >>>") && !blankEnds(part) && !blankEnds(replacement)
            && occurrences(of: part, in: old) == 1
        if isUsable {
            found = (part, replacement)
            if more == 0 { break }
            more -= 1
        }
        if head == 0 && tail == 0 { break }
        if tail == 0 || (head > 0 && generator.chance(0.5)) { head -= 1 } else { tail -= 1 }
    }
    let content = old.drop { $0 == " " || $0 == "\t" }
    guard let found, found.old.count * 10 <= max(content.count * 7, 40), found.old.count < content.count else {
        return nil
    }
    let command = Command.substitute(line: line, old: found.old, new: found.new)
    // The command's own meaning decides.
    var text = ProgramText(old)
    guard (try? text.apply(.substitute(line: 1, old: found.old, new: found.new))) != nil, text.lines == [new] else {
        return nil
    }
    return command.problem == nil ? command : nil
}

/// Words, runs of blanks, and single other characters.
private func pieces(of line: String) -> [String] {
    func kind(_ scalar: Unicode.Scalar) -> Int {
        if scalar == "_" || scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) { return 0 }
        return scalar == " " ? 1 : 2
    }
    var pieces: [String.UnicodeScalarView] = []
    for scalar in line.unicodeScalars {
        if let last = pieces.last?.last, kind(last) == kind(scalar), kind(scalar) < 2 {
            pieces[pieces.count - 1].append(scalar)
        } else {
            var piece = String.UnicodeScalarView()
            piece.append(scalar)
            pieces.append(piece)
        }
    }
    return pieces.map { String($0) }
}

/// How often `part` stands in `line`, overlapping places included.
private func occurrences(of part: String, in line: String) -> Int {
    let a = Array(part.utf8)
    let b = Array(line.utf8)
    if a.count > b.count { return 0 }
    return (0...b.count - a.count).count { b[$0..<$0 + a.count].elementsEqual(a) }
}
