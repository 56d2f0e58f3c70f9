public import LineEditor

/// Replays fixed commands, whatever it is told: the oracle of a demonstration, or a session played again.
///
/// A script that is over says `### EXIT`.
public struct ScriptedPolicy: Policy {
    public let name: String
    private let completions: [String]

    public init(name: String = "script", completions: [String]) {
        self.name = name
        self.completions = completions
    }

    public init(name: String = "script", commands: [Command]) {
        self.init(name: name, completions: commands.map(\.description))
    }

    public func beginSession(
        messages: [ChatMessage], sampling: SamplingParameters, maxTokens: Int
    ) async throws -> any PolicySession {
        Session(completions: completions)
    }

    private actor Session: PolicySession {
        private var remaining: ArraySlice<String>

        init(completions: [String]) { remaining = completions[...] }

        func respond() -> Completion { Completion(text: remaining.popFirst() ?? Command.exit.description) }
        func append(_ message: ChatMessage) {}
        func end() {}
    }
}
