import PythonRepair

/// The changes between two programs, line by line.
struct Hunks: Sendable {
    struct Hunk: Sendable {
        /// Places in the old and in the new program's lines.
        var old: Range<Int>
        var new: Range<Int>
    }

    private let old: [Substring]
    private let new: [Substring]
    let hunks: [Hunk]

    init(from old: String, to new: String) {
        // The line ends belong to their lines.
        self.old = Self.lines(old)
        self.new = Self.lines(new)
        var removed: Set<Int> = []
        var inserted: Set<Int> = []
        for change in self.new.difference(from: self.old, by: { $0.utf8.elementsEqual($1.utf8) }) {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        var hunks: [Hunk] = []
        var i = 0
        var j = 0
        while i < self.old.count || j < self.new.count {
            let (a, b) = (i, j)
            while removed.contains(i) { i += 1 }
            while inserted.contains(j) { j += 1 }
            if i > a || j > b {
                hunks.append(Hunk(old: a..<i, new: b..<j))
            } else {
                i += 1
                j += 1
            }
        }
        self.hunks = hunks
    }

    private static func lines(_ text: String) -> [Substring] {
        var lines: [Substring] = []
        var start = text.startIndex
        let scalars = text.unicodeScalars
        while start < text.endIndex {
            let end = scalars[start...].firstIndex(of: "\n").map { scalars.index(after: $0) } ?? text.endIndex
            lines.append(text[start..<end])
            start = end
        }
        return lines
    }

    /// The new program with some changes taken back.
    func text(without dropped: Set<Int>) -> String {
        var out = ""
        var place = 0
        for (index, hunk) in hunks.enumerated() {
            out += old[place..<hunk.old.lowerBound].joined()
            out += dropped.contains(index) ? old[hunk.old].joined() : new[hunk.new].joined()
            place = hunk.old.upperBound
        }
        return out + old[place...].joined()
    }

    /// The characters that the change edits, hunk by hunk.
    var distance: Int {
        hunks.reduce(0) { sum, hunk in
            let (a, b) = (old[hunk.old].joined(), new[hunk.new].joined())
            // Levenshtein's table is the product of the lengths.
            let isHuge = a.utf8.count * b.utf8.count > 4_000_000
            return sum + (isHuge ? max(a.utf8.count, b.utf8.count) : editDistance(a, b))
        }
    }

    /// The new program's lines that are not the old one's, from 1.
    var addedLines: [Int] { hunks.flatMap { $0.new.map { $0 + 1 } } }
}

extension UserProgram {
    /// The characters that a repair edits.
    public func distance(to repaired: String) -> Int { Hunks(from: text, to: repaired).distance }
}
