/// How a model is asked for a whole answer. Which form suits a model depends on its family and is measured.
public enum AnswerForm: String, CaseIterable, Hashable, Sendable, Codable {
    /// The task, the state and the feedback as in an episode's opening, after an instruction.
    case feedback
    /// The faulty state, its tests and the request to fix it: the form of HumanEvalFix (arXiv 2308.07124).
    case fix
    /// The task first, then the state as one that is wrong, with the feedback, and the request for a correct one: for
    /// models that give the faulty state back.
    case rewrite
}
