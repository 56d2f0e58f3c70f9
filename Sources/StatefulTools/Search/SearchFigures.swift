/// What a search cost, of which a trace shows the best way alone.
public struct SearchFigures: Hashable, Sendable, Codable {
    /// Commands that the policy wrote.
    public var commands = 0
    /// Tokens that the policy wrote.
    public var tokens = 0
    /// States that were judged.
    public var states = 0

    public init() {}

    mutating func count(_ completions: [Completion]) {
        commands += completions.count
        tokens += completions.reduce(0) { $0 + $1.tokenCount }
    }
}
