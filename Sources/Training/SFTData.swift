import Demonstrations
import Foundation
import LanguageModels
import Policies
import StatefulTools
import Tokenization

/// The demonstrations of a supervised run as the model reads them.
struct SFTData: Sendable {
    let tokenizer: Tokenizer
    let chat: ChatEncoder
    /// The style of all demonstrations.
    let prompt: PromptStyle
    let examples: [CausalLM.PackedSequence]
    /// What the trained adapter is for.
    let card: AdapterCard

    /// Reads the files of a configuration.
    ///
    /// - Throws: ``TrainingError`` with code `badData` where the demonstrations have several styles, or none can be used.
    init(_ configuration: SFTConfiguration, modelPath: String) throws {
        let tokenizer = try Tokenizer(modelPath: modelPath)
        var examples: [CausalLM.PackedSequence] = []
        var known: (prompt: PromptStyle, chat: ChatEncoder)?
        var tools: Set<String> = []
        var unusable = 0
        for file in configuration.data {
            try Demonstration.forEach(in: URL(filePath: file)) { demonstration in
                let prompt = demonstration.meta.prompt
                if let known, known.prompt != prompt {
                    throw TrainingError(
                        .badData,
                        "\(file) shows states as \(prompt.rawValue), the demonstrations before it as "
                            + "\(known.prompt.rawValue); a model should learn one style.")
                }
                let chat = try known?.chat ?? ChatEncoder(tokenizer, for: prompt)
                known = (prompt, chat)
                let example = CausalLM.PackedSequence(demonstration, chat)
                if example.tokens.count <= configuration.maxLength, example.learnedCount > 0 {
                    examples.append(example)
                    tools.insert(demonstration.task.tool)
                } else {
                    unusable += 1
                }
            }
        }
        guard let known, !examples.isEmpty else {
            throw TrainingError(
                .badData,
                "\(configuration.data.joined(separator: ", ")): no demonstrations of at most "
                    + "\(configuration.maxLength) tokens (\(unusable) are longer or teach nothing).")
        }
        self.tokenizer = tokenizer
        self.examples = examples
        (prompt, chat) = known
        card = AdapterCard(prompt: known.prompt, model: configuration.model, tools: tools.sorted())
    }
}
