/// The place of a sequence among the tokens of a pass.
public struct PackedPart: Hashable, Sendable {
    /// The tokens that it adds.
    public var range: Range<Int>
    /// The tokens of another sequence with which it begins.
    public var shared: Range<Int>

    /// - Parameter shared: Tokens before `range`; empty for none.
    public init(range: Range<Int>, shared: Range<Int>) {
        self.range = range
        self.shared = shared
    }
}
