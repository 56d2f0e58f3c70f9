/// How a policy is to solve tasks.
public enum EvaluationMethod: String, CaseIterable, Hashable, Sendable, Codable {
    /// Chain-of-Edits: commands to the tool, which answers each.
    case coe
    /// Chain-of-Edits as a best-first search over the states.
    case search
    /// The whole solved state in one answer.
    case direct
    /// Reasoning in words first, then the whole solved state.
    case think
    /// Whole answers until one passes, or until the tokens are spent that another run used for the same episode.
    case resample
    /// The shortest known way, played without a model: it shows that tool and judge are complete.
    case oracle

    /// Whether the policy answers with whole states in place of commands.
    public var givesWholeAnswers: Bool { self == .direct || self == .think || self == .resample }

    /// The most tokens of one completion, unless the user says otherwise.
    var maxTokens: Int {
        switch self {
        case .coe, .search, .oracle: 128
        case .direct, .resample: 768
        case .think: 1_536
        }
    }
}
