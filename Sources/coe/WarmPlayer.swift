import CommandSupport
import Policies
import PythonRepair
import StatefulTools

/// The player of repairs: loaded when it is first asked for, then kept.
actor WarmPlayer {
    private let options: PlayerOptions
    private var loaded: (policy: any Policy, prompt: PromptStyle)?

    init(_ options: PlayerOptions) { self.options = options }

    func load() async throws -> (policy: any Policy, prompt: PromptStyle) {
        if let loaded { return loaded }
        let (policy, _, prompt) = try await options.player(for: [PythonRepair.name])
        loaded = (policy, prompt)
        return (policy, prompt)
    }
}
