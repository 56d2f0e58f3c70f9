/// The way from one list of lines to another, as changes of single lines that can be taken in any order.
///
/// Each slot is a line of the old program, of the new one, or of both. The number under which a command finds a line
/// follows from the slots before it and from which of them are changed already.
public struct EditScript: Hashable, Sendable {
    public struct Slot: Hashable, Sendable {
        /// The line before the change; nil where one is added.
        public var old: String?
        /// The line after the change; nil where one is deleted.
        public var new: String?
        /// Slots of one group belong to one change of the author; slots that don't change have none.
        public var group: Int?
    }

    public var slots: [Slot]

    /// The script with the fewest commands. Of equally short ones it pairs lines that look alike.
    ///
    /// Neighbouring changed slots are a group.
    public init(from old: [String], to new: [String]) {
        slots = Self.align(old, new)
        var group = -1
        var inside = false
        for index in slots.indices {
            if slots[index].isChange {
                if !inside { group += 1 }
                slots[index].group = group
            }
            inside = slots[index].isChange
        }
    }

    /// The script that makes `edits`, which are independent of each other; each of them is a group, by its index.
    public init(lines: [String], edits: [LineEdit]) {
        slots = []
        var next = 0
        func keep(upTo end: Int) -> [Slot] {
            defer { next = max(next, end) }
            return next < end ? lines[next..<end].map { line in Slot(old: line, new: line) } : []
        }
        let order = edits.indices.sorted {
            (edits[$0].lines.lowerBound, edits[$0].lines.upperBound)
                < (edits[$1].lines.lowerBound, edits[$1].lines.upperBound)
        }
        for index in order {
            let edit = edits[index]
            slots += keep(upTo: edit.lines.lowerBound)
            slots += Self.align(Array(lines[edit.lines]), edit.replacement).map {
                Slot(old: $0.old, new: $0.new, group: $0.isChange ? index : nil)
            }
            next = edit.lines.upperBound
        }
        slots += keep(upTo: lines.count)
    }

    /// The way back.
    public var reversed: EditScript {
        var script = self
        for index in slots.indices {
            script.slots[index].old = slots[index].new
            script.slots[index].new = slots[index].old
        }
        return script
    }

    /// The slots that change, from the top.
    public var changes: [Int] { slots.indices.filter { slots[$0].isChange } }

    /// The line number that a command for this slot names, when the slots in `done` are changed already.
    public func lineNumber(of slot: Int, done: Set<Int>) -> Int {
        1
            + slots.indices.prefix(slot).count { index in
                (done.contains(index) ? slots[index].new : slots[index].old) != nil
            }
    }

    /// The command that changes this slot by whole lines.
    public func command(for slot: Int, done: Set<Int>) -> Command {
        let line = lineNumber(of: slot, done: done)
        switch (slots[slot].old, slots[slot].new) {
        case (_?, let new?): return .replace(line: line, content: new)
        case (nil, let new?): return .insert(line: line, content: new)
        case (_, nil): return .delete(line: line)
        }
    }

    /// The commands from the top.
    public var commands: [Command] {
        var done: Set<Int> = []
        return changes.map { slot in
            defer { done.insert(slot) }
            return command(for: slot, done: done)
        }
    }

    private static func align(_ old: [String], _ new: [String]) -> [Slot] {
        // Bytes, since Swift's strings also compare equal where Python's differ.
        let a = old.map { Array($0.utf8) }
        let b = new.map { Array($0.utf8) }
        var head = 0
        while head < min(a.count, b.count), a[head] == b[head] { head += 1 }
        var tail = 0
        while tail < min(a.count, b.count) - head, a[a.count - 1 - tail] == b[b.count - 1 - tail] { tail += 1 }
        let n = a.count - head - tail
        let m = b.count - head - tail

        // Costs from each pair of places to the end. A command costs 1,000, so that likeness only breaks ties.
        var cost = [[Int]](repeating: [Int](repeating: 0, count: m + 1), count: n + 1)
        func paired(_ i: Int, _ j: Int) -> Int { cost[i + 1][j + 1] + pairCost(a[head + i], b[head + j]) }
        for i in stride(from: n, through: 0, by: -1) {
            for j in stride(from: m, through: 0, by: -1) where i < n || j < m {
                var best = Int.max
                if i < n { best = cost[i + 1][j] + 1_000 }
                if j < m { best = min(best, cost[i][j + 1] + 1_000) }
                if i < n && j < m { best = min(best, paired(i, j)) }
                cost[i][j] = best
            }
        }
        var slots = old.prefix(head).map { line in Slot(old: line, new: line) }
        var i = 0
        var j = 0
        while i < n || j < m {
            if i < n, j < m, cost[i][j] == paired(i, j) {
                slots.append(Slot(old: old[head + i], new: new[head + j]))
                i += 1
                j += 1
            } else if i < n, cost[i][j] == cost[i + 1][j] + 1_000 {
                slots.append(Slot(old: old[head + i], new: nil))
                i += 1
            } else {
                slots.append(Slot(old: nil, new: new[head + j]))
                j += 1
            }
        }
        return slots + old.suffix(tail).map { line in Slot(old: line, new: line) }
    }

    /// 0 for equal lines, else 1,000 to 1,999: dearer the less of both lines lies in their common ends.
    private static func pairCost(_ a: [UInt8], _ b: [UInt8]) -> Int {
        if a == b { return 0 }
        let shorter = min(a.count, b.count)
        let longer = max(a.count, b.count)
        var head = 0
        while head < shorter, a[head] == b[head] { head += 1 }
        var tail = 0
        while tail < shorter - head, a[a.count - 1 - tail] == b[b.count - 1 - tail] { tail += 1 }
        // Below 1,000 over the whole program, so that likeness never buys a command.
        return 1_000 + 9 * (longer - head - tail) / longer
    }
}

extension EditScript.Slot {
    public var isChange: Bool {
        guard let old, let new else { return true }
        return !old.utf8.elementsEqual(new.utf8)
    }
}
