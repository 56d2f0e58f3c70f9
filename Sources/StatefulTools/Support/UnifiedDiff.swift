/// The difference between two texts in the unified format that `patch` and `git apply` read; empty when they are equal.
///
/// Lines are compared as bytes and end at LF only, as these tools have it; a CR belongs to its line.
///
/// - Parameters:
///   - old: the text before.
///   - new: the text after.
///   - oldName: the path in the `---` line.
///   - newName: the path in the `+++` line.
///   - context: unchanged lines shown around a change.
public func unifiedDiff(
    from old: String, to new: String, oldName: String, newName: String, context: Int = 3
) -> String {
    let old = lines(of: old)
    let new = lines(of: new)
    let difference = new.difference(from: old)
    if difference.isEmpty { return "" }
    var removed: Set<Int> = []
    var inserted: Set<Int> = []
    for change in difference {
        switch change {
        case .remove(let offset, _, _): removed.insert(offset)
        case .insert(let offset, _, _): inserted.insert(offset)
        }
    }

    // The whole of both texts as one edit script: (mark, line), with the place in each text.
    var script: [(mark: String, line: ArraySlice<UInt8>)] = []
    var i = 0
    var j = 0
    while i < old.count || j < new.count {
        if removed.contains(i) {
            script.append(("-", old[i]))
            i += 1
        } else if inserted.contains(j) {
            script.append(("+", new[j]))
            j += 1
        } else {
            script.append((" ", old[i]))
            i += 1
            j += 1
        }
    }

    var output = "--- \(oldName)\n+++ \(newName)\n"
    var oldLine = 0
    var newLine = 0
    var position = 0
    for hunk in hunks(of: script.map(\.mark), context: context) {
        // Between hunks all lines are common to both texts.
        oldLine += hunk.lowerBound - position
        newLine += hunk.lowerBound - position
        let oldCount = script[hunk].count { $0.mark != "+" }
        let newCount = script[hunk].count { $0.mark != "-" }
        output += "@@ -\(range(oldLine, oldCount)) +\(range(newLine, newCount)) @@\n"
        for (mark, line) in script[hunk] {
            output += mark + String(decoding: line, as: UTF8.self)
            if line.last != 0x0A { output += "\n\\ No newline at end of file\n" }
        }
        oldLine += oldCount
        newLine += newCount
        position = hunk.upperBound
    }
    return output
}

/// The changed stretches with their context; those that touch or overlap are one.
private func hunks(of marks: [String], context: Int) -> [Range<Int>] {
    var hunks: [Range<Int>] = []
    for (index, mark) in marks.enumerated() where mark != " " {
        let hunk = max(0, index - context)..<min(marks.count, index + context + 1)
        if let last = hunks.last, hunk.lowerBound <= last.upperBound {
            hunks[hunks.count - 1] = last.lowerBound..<hunk.upperBound
        } else {
            hunks.append(hunk)
        }
    }
    return hunks
}

/// `start,count` of a hunk. An empty stretch is named by the line before it.
private func range(_ start: Int, _ count: Int) -> String {
    count == 1 ? "\(start + 1)" : "\(count == 0 ? start : start + 1),\(count)"
}

/// The lines of `text` with their LF.
private func lines(of text: String) -> [ArraySlice<UInt8>] {
    let bytes = Array(text.utf8)
    var lines: [ArraySlice<UInt8>] = []
    var start = 0
    while start < bytes.count {
        let end = bytes[start...].firstIndex(of: 0x0A).map { $0 + 1 } ?? bytes.count
        lines.append(bytes[start..<end])
        start = end
    }
    return lines
}
