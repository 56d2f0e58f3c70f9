import Demonstrations
import LanguageModels
import PythonSandbox
import StatefulTools
import Tokenization

/// The shortest known solution of a task as something to imitate.
struct Imitation: Sendable {
    private let demonstrator: Demonstrator
    private let chat: ChatEncoder

    init(prompt: PromptStyle, sandbox: PythonSandbox, chat: ChatEncoder) {
        demonstrator = Demonstrator(sandbox: sandbox, prompt: prompt)
        self.chat = chat
    }

    /// Nil without a known solution, or where it can't be reached within an episode.
    func experience(_ start: any Tool) async throws -> Experience? {
        guard let oracle = start.oracle else { return nil }
        let steps = oracle.dropLast().map { Step($0) }
        guard let played = try await demonstrator.play(start, steps: steps) else { return nil }
        return Experience(imitating: CausalLM.PackedSequence(played.messages, chat))
    }
}
