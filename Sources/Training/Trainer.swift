import Episodes
import Foundation
import LanguageModels
import Tensors

/// Model, adapter and optimiser. Used on the compute thread only.
final class Trainer: Sendable {
    let model: CausalLM
    let weights: LoRAWeights
    let optimizer: AdamW
    private let name: String

    /// - Parameters:
    ///   - name: The model's name as the user gave it, for what is saved.
    ///   - weights: Makes the adapter to begin with.
    ///   - checkpoint: Where the run goes on; nil at its beginning.
    init(
        _ name: String, modelPath: String, precision: Precision, checkpoint: URL?,
        weights make: (CausalLM) throws -> LoRAWeights
    ) throws {
        self.name = name
        model = try CausalLM(path: modelPath, device: .best, precision: precision)
        weights = try make(model)
        optimizer = try AdamW(weights)
        if let checkpoint {
            try weights.copy(LoRAAdapter(path: checkpoint.path(percentEncoded: false)))
            try optimizer.load(from: checkpoint)
        }
    }

    func saveAdapter(to folder: URL, card: AdapterCard) throws {
        try weights.adapter.write(to: folder, baseModel: name, dropout: weights.configuration.dropout)
        try card.write(toAdapter: folder)
    }

    func save(to folder: URL, card: AdapterCard, state: some Encodable) throws {
        try saveAdapter(to: folder, card: card)
        try optimizer.save(to: folder)
        try JSONEncoder().encode(state).write(to: folder.appending(path: Self.stateFile), options: .atomic)
    }

    private static let stateFile = "trainer_state.json"

    /// What ``save(to:card:state:)`` saved.
    static func state<State: Decodable>(in checkpoint: URL) throws -> State {
        let file = checkpoint.appending(path: stateFile)
        guard let data = try? Data(contentsOf: file), let state = try? JSONDecoder().decode(State.self, from: data)
        else {
            throw TrainingError(.foreignFolder, "\(file.path(percentEncoded: false)) is missing or damaged.")
        }
        return state
    }
}
