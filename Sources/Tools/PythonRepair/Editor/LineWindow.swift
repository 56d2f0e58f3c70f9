/// Some lines of a program, counted from 1, that keep their meaning while the program is edited.
public struct LineWindow: Hashable, Sendable {
    /// Sorted, without overlaps.
    public private(set) var ranges: [ClosedRange<Int>]

    public init(_ ranges: [ClosedRange<Int>]) {
        self.ranges = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = self.ranges.last, range.lowerBound <= last.upperBound + 1 {
                self.ranges[self.ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                self.ranges.append(range)
            }
        }
    }

    public func contains(_ line: Int) -> Bool { ranges.contains { $0.contains(line) } }

    /// Whether a new line before `line` lies in the window: a window's end may be extended.
    public func takesInsertion(before line: Int) -> Bool { contains(line) || contains(line - 1) }

    /// Whether a command stays inside.
    public func allows(_ command: Command) -> Bool {
        switch command {
        case .exit: true
        case .insert(let line, _): takesInsertion(before: line)
        case .delete(let line), .replace(let line, _), .substitute(let line, _, _): contains(line)
        }
    }

    /// The window after a command that was carried out.
    public mutating func follow(_ command: Command) {
        switch command {
        case .exit, .replace, .substitute: break
        case .delete(let line):
            ranges = ranges.compactMap { range in
                let first = range.lowerBound > line ? range.lowerBound - 1 : range.lowerBound
                let last = range.upperBound >= line ? range.upperBound - 1 : range.upperBound
                return first <= last ? first...last : nil
            }
        case .insert(let line, _):
            ranges = ranges.map { range in
                if line < range.lowerBound { return range.lowerBound + 1...range.upperBound + 1 }
                return line <= range.upperBound + 1 ? range.lowerBound...range.upperBound + 1 : range
            }
            if ranges.isEmpty { ranges = [line...line] }
        }
    }
}

extension LineWindow: CustomStringConvertible {
    /// `3-12, 40`
    public var description: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ", ")
    }
}
