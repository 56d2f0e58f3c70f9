package import ArgumentParser
internal import Foundation
import Policies
import RemotePolicies
package import StatefulTools

/// Who plays: a model on this machine, a server, or a script.
package struct PlayerOptions: ParsableArguments {
    @OptionGroup package var model: ModelOptions
    @Option(help: "openai:URL#MODEL asks a server, script:FILE replays commands, instead of a model here.")
    package var policy: String?

    package init() {}

    /// Comes first in a command: a server that does not answer is known before anything else starts, and where a model
    /// plays here, the process starts again with sleeping threads.
    ///
    /// - Throws: `PolicyError` where the server does not answer.
    package func prepare() async throws {
        if let server = try server { return try await server.reach() }
        if policy == nil { startAgainWithSleepingThreads() }
    }

    /// The server that `--policy` names.
    private var server: RemotePolicy? {
        get throws {
            guard let policy, policy.hasPrefix("openai:") else { return nil }
            let environment = ProcessInfo.processInfo.environment
            return try RemotePolicy(
                String(policy.dropFirst("openai:".count)),
                key: environment["OPENAI_API_KEY"] ?? environment["COE_TOKEN"])
        }
    }

    /// The player, the folder of its adapter, and the prompt that it knows.
    ///
    /// A server's key is in OPENAI_API_KEY or COE_TOKEN. With `--policy` an adapter only says the prompt.
    ///
    /// - Parameter tools: the names of the tools to play.
    package func player(
        for tools: Set<String>
    ) async throws -> (policy: any Policy, adapter: String?, prompt: PromptStyle) {
        guard let policy else {
            let choice = try model.choice(for: tools)
            let local = try await LocalPolicy(
                name: choice.name, model: choice.path, adapter: choice.adapter, precision: model.base.precision)
            return (local, choice.adapter, choice.prompt)
        }
        let choice = try ModelChoice(model: nil, adapter: model.adapter ?? "none", tools: tools)
        if let server = try server { return (server, choice.adapter, choice.prompt) }
        guard policy.hasPrefix("script:") else {
            throw PolicyError(
                .unavailable,
                "\(policy) is no policy: write openai:URL#MODEL, or script:FILE, a file with one command a line.")
        }
        let file = String(policy.dropFirst("script:".count))
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
            throw PolicyError(.unavailable, "The script \(file) can't be read.")
        }
        let commands = text.split(whereSeparator: \.isNewline).map(String.init)
        guard commands.contains(where: { !$0.allSatisfy(\.isWhitespace) }) else {
            throw PolicyError(.unavailable, "The script \(file) holds no commands; write one a line.")
        }
        return (ScriptedPolicy(name: policy, completions: commands), choice.adapter, choice.prompt)
    }
}
