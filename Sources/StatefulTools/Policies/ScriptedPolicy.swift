/// Plays fixed commands, whatever it is told: the oracle, a demonstration, or a session played again.
///
/// A script that is over says `### EXIT`.
public struct ScriptedPolicy: Policy {
    public let name: String
    private let completions: [String]

    public init(name: String = "script", completions: [String]) {
        self.name = name
        self.completions = completions
    }

    public func beginSession(
        messages: [ChatMessage], sampling: SamplingParameters, maxTokens: Int
    ) async throws -> any PolicySession {
        Session(completions: completions)
    }

    private actor Session: PolicySession {
        private var remaining: ArraySlice<String>

        init(completions: [String]) { remaining = completions[...] }

        func respond(_ guidance: Guidance) -> Completion { Completion(text: remaining.popFirst() ?? "### EXIT") }
        func append(_ message: ChatMessage) {}
        func end() {}
    }
}
