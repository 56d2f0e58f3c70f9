/// Lines of a program with other lines in their place.
public struct LineEdit: Hashable, Sendable {
    /// The lines that go, from 0; empty where lines are only added, before its lower bound.
    public var lines: Range<Int>
    public var replacement: [String]

    public init(lines: Range<Int>, replacement: [String]) {
        self.lines = lines
        self.replacement = replacement
    }

    /// Whether both can be made in one program, in either order, with one result.
    func isIndependent(of other: LineEdit) -> Bool {
        if lines.isEmpty && other.lines.isEmpty { return lines.lowerBound != other.lines.lowerBound }
        return lines.upperBound <= other.lines.lowerBound || other.lines.upperBound <= lines.lowerBound
    }
}
