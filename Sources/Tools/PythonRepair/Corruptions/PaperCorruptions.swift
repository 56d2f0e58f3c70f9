public import StatefulTools

/// The paper's corruptions: delete, add or replace a line, change a word (arXiv 2507.05065). Lines and words come from
/// other programs (own: the paper's public accounts don't say from where).
public struct PaperCorruptions: Sendable {
    private let programs: [Donor]

    private struct Donor: Sendable {
        var lines: [String]
        var words: [String]
    }

    /// - Parameter programs: the donors; a program corrupted by its index in this list gets nothing from itself.
    public init(programs: [String]) {
        self.programs = programs.map { program in
            let lines = ProgramText(program).lines.filter { !$0.isBlank }
            return Donor(lines: lines, words: lines.flatMap { line in wordRanges(in: line).map { String(line[$0]) } })
        }
    }

    /// The four, drawn uniformly.
    public static let operators: [Corruption.Operator] = [.deleteLine, .addLine, .replaceLine, .changeWord]

    /// A random corruption of this kind that is independent of those in `taken`, or nil when the draw failed.
    public func corruption(
        _ kind: Corruption.Operator, of lines: [String], index: Int?, taken: [LineEdit],
        using generator: inout SeededGenerator
    ) -> Corruption? {
        let place = generator.below(lines.count + (kind == .addLine ? 1 : 0))
        var edit = LineEdit(lines: place..<place + 1, replacement: [])
        switch kind {
        case .deleteLine:
            // Without a blank line the program is as it was.
            if lines[place].isBlank { return nil }
        case .addLine, .replaceLine:
            guard let donor = donor(otherThan: index, using: &generator), var line = generator.element(of: donor.lines)
            else { return nil }
            // As they stand, most foreign lines would only be indentation errors: programs indent differently, and a
            // line that opens a block must be followed by one.
            if generator.chance(0.8) {
                let model = lines[min(place, lines.count - 1)]
                if line.hasSuffix(":") != (kind == .replaceLine && model.hasSuffix(":")) { return nil }
                line = String(
                    model.prefix { $0 == " " || $0 == "\t" } + line.drop { $0 == " " || $0 == "\t" })
            }
            edit.replacement = [line]
            if kind == .addLine { edit.lines = place..<place }
        default:
            let line = lines[place]
            guard let donor = donor(otherThan: index, using: &generator), let word = generator.element(of: donor.words),
                let range = generator.element(of: wordRanges(in: line))
            else { return nil }
            edit.replacement = [line.replacingCharacters(in: range, with: word)]
        }
        if edit.replacement == Array(lines[edit.lines]) { return nil }
        guard taken.allSatisfy({ $0.isIndependent(of: edit) }) else { return nil }
        return Corruption(operator: kind, edit: edit)
    }

    private func donor(otherThan index: Int?, using generator: inout SeededGenerator) -> Donor? {
        let place = generator.below(max(programs.count, 1))
        return place == index || programs.isEmpty ? nil : programs[place]
    }
}

/// Where the names and numbers of a line stand, and its runs of operator characters.
func wordRanges(in line: String) -> [Range<String.Index>] {
    enum Kind { case word, sign, other }
    func kind(_ scalar: Unicode.Scalar) -> Kind {
        if scalar == "_" || scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) { return .word }
        return "+-*/%<>=!&|^~".unicodeScalars.contains(scalar) ? .sign : .other
    }
    var ranges: [Range<String.Index>] = []
    var start = line.startIndex
    while start != line.endIndex {
        let first = kind(line.unicodeScalars[start])
        let end = line.unicodeScalars[start...].firstIndex { kind($0) != first } ?? line.endIndex
        if first != .other { ranges.append(start..<end) }
        start = end
    }
    return ranges
}

extension String {
    var isBlank: Bool { utf8.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0C } }

    fileprivate func replacingCharacters(in range: Range<Index>, with word: String) -> String {
        String(unicodeScalars[..<range.lowerBound]) + word + String(unicodeScalars[range.upperBound...])
    }
}
