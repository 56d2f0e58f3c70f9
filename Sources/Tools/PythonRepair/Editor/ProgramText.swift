/// The editor's buffer: one program as lines, whose bytes outside the edited lines never change.
///
/// Lines are Python's: they end at LF, CR LF or a lone CR. Each line keeps its own line end, and whether the last one
/// has any is a property of the program, so that deleting a line and inserting it again gives the same bytes.
/// A new line takes the line end of the one above it. A program may have no lines at all.
public struct ProgramText: Sendable {
    /// The lines without their line ends.
    public private(set) var lines: [String] = []
    private var lineEnds: [String] = []
    private var endsWithLineEnd = true

    public init(_ text: String) {
        let bytes = text.utf8
        var start = bytes.startIndex
        while start != bytes.endIndex {
            let end = bytes[start...].firstIndex { $0 == 0x0A || $0 == 0x0D } ?? bytes.endIndex
            var next = end
            if next != bytes.endIndex { bytes.formIndex(after: &next) }
            if next != bytes.endIndex, bytes[end] == 0x0D, bytes[next] == 0x0A { bytes.formIndex(after: &next) }
            lines.append(String(text.unicodeScalars[start..<end]))
            endsWithLineEnd = next != end
            lineEnds.append(endsWithLineEnd ? String(text.unicodeScalars[end..<next]) : lineEnds.last ?? "\n")
            start = next
        }
    }

    /// The program, byte for byte.
    public var text: String {
        var text = ""
        for (index, line) in lines.enumerated() {
            text += line
            text += lineEnds[index]
            // Before an empty line that ends in LF a lone CR would be read as half of a CR LF.
            if lineEnds[index] == "\r", index + 1 < lines.count, lines[index + 1].isEmpty, lineEnds[index + 1] == "\n" {
                text += "\n"
            }
        }
        // An empty last line exists only by its line end, which is then written in any case.
        if !endsWithLineEnd, let last = lines.last, !last.isEmpty, let lineEnd = lineEnds.last {
            text.unicodeScalars.removeLast(lineEnd.unicodeScalars.count)
        }
        return text
    }

    /// Carries out `command`; `.exit` changes nothing. After an error the program is as before.
    public mutating func apply(_ command: Command) throws(CommandError) {
        if let problem = command.problem { throw problem }
        switch command {
        case .exit:
            break
        case .delete(let line):
            let index = try index(ofLine: line)
            lines.remove(at: index)
            lineEnds.remove(at: index)
        case .insert(let line, let content):
            guard line <= lines.count + 1 else {
                throw CommandError(
                    .lineOutOfRange,
                    lines.isEmpty
                        ? "line \(line) does not exist: the program is empty, so ADDL takes 1 only"
                        : "line \(line) does not exist: \(range), so ADDL takes 1 to \(lines.count + 1) "
                            + "(\(lines.count + 1) appends)")
            }
            let above = line == 1 ? lineEnds.first : lineEnds[line - 2]
            lines.insert(content, at: line - 1)
            lineEnds.insert(above ?? "\n", at: line - 1)
        case .replace(let line, let content):
            lines[try index(ofLine: line)] = content
        case .substitute(let line, let old, let new):
            let index = try index(ofLine: line)
            guard let changed = lines[index].substituting(old, with: new) else {
                throw CommandError(.notInLine, "\"\(old)\" is not in line \(line), which is: \(lines[index])")
            }
            lines[index] = changed
        }
    }

    private func index(ofLine line: Int) throws(CommandError) -> Int {
        guard line <= lines.count else {
            throw CommandError(.lineOutOfRange, "line \(line) does not exist: \(range)")
        }
        return line - 1
    }

    private var range: String {
        switch lines.count {
        case 0: "the program is empty, ### ADDL 1 >>><content> adds its first line"
        case 1: "the program has line 1 only"
        default: "the program has lines 1 to \(lines.count)"
        }
    }
}

/// Programs are equal when their bytes are; Swift's strings would also be equal where Python's differ.
extension ProgramText: Hashable {
    public static func == (left: Self, right: Self) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    public func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
    }
}

extension String {
    /// Every occurrence of the bytes of `old` replaced, left to right, or nil when there is none.
    fileprivate func substituting(_ old: String, with new: String) -> String? {
        var result = String.UnicodeScalarView()
        var rest = unicodeScalars[...]
        while let found = utf8[rest.startIndex...].firstRange(of: old.utf8) {
            result += unicodeScalars[rest.startIndex..<found.lowerBound]
            result += new.unicodeScalars
            rest = rest[found.upperBound...]
        }
        if rest.startIndex == startIndex { return nil }
        return String(result + rest)
    }
}
