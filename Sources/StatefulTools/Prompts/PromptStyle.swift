/// How an episode is shown to a model. An adapter knows the style that it was trained with; another would surprise it.
public enum PromptStyle: String, CaseIterable, Hashable, Sendable, Codable {
    /// The instruction, worked examples and the whole state in each turn: for a model without an adapter.
    case examples
    /// The paper's: the instruction, then the whole state in each turn, lines as `L 1 x`.
    case paper
    /// The instruction, then the whole state in each turn, lines as `1>>>x`.
    case compact
    /// As `compact`, but after the first turn the changed region alone.
    case compactDiff = "compact-diff"
    /// As `compact-diff`, without the instruction, which an adapter does not need.
    case brief
    /// As `brief`, without the markup of a chat.
    case plain

    /// Whether the instruction stands first.
    public var instructs: Bool { self != .brief && self != .plain }
    /// Whether worked examples stand before the task.
    public var showsExamples: Bool { self == .examples }
    /// Whether replies show the changed region alone.
    public var showsChangesOnly: Bool { self == .compactDiff || self == .brief || self == .plain }
    /// Whether messages stand below one another as plain lines.
    public var isPlainText: Bool { self == .plain }
    /// Whether lines are numbered as in the paper.
    public var numbersAsPaper: Bool { self == .paper }
}
