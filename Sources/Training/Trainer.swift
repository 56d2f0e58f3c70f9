import Episodes
import Foundation
import LanguageModels
import Tensors

/// Model, adapter and optimiser. Used on the compute thread only.
final class Trainer: Sendable {
    let model: CausalLM
    let weights: LoRAWeights
    let optimizer: AdamW
    /// The weights for each of the passes that go through the model side by side, with gradients of their own.
    private let lanes: [LoRAWeights]
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
        let quantizes = precision == .int8
        model = try CausalLM(
            path: modelPath, device: .best, precision: quantizes ? .bfloat16 : precision, quantizesProducts: quantizes)
        let (model, weights) = (model, try make(model))
        self.weights = weights
        // Small models leave a few cores waiting for each other: a pass on each is faster than all of them on one. Many
        // cores would need more sequences than a step has.
        let count = model.device == .cpu && Engine.threadCount <= 8 ? Engine.threadCount : 1
        lanes = try (0..<max(1, count)).map { try $0 == 0 ? weights : LoRAWeights(sharing: weights, for: model) }
        optimizer = try AdamW(weights)
        if let checkpoint {
            try weights.copy(LoRAAdapter(path: checkpoint.path(percentEncoded: false)))
            try optimizer.load(from: checkpoint)
        }
    }

    /// How many passes go through the model at once.
    var laneCount: Int { lanes.count }

    /// Runs `body` on each of the passes, side by side, and adds up their gradients.
    ///
    /// - Parameters:
    ///   - passes: How many tokens each has.
    ///   - body: Adds the gradients of a pass to those of the given weights.
    /// - Returns: what `body` returned, in the order of the passes.
    func accumulate<Result: Sendable>(
        _ passes: [Int], _ body: @escaping @Sendable (_ pass: Int, _ weights: LoRAWeights) throws -> Result
    ) throws -> [Result] {
        // The longest first, each to the lane with the least to do.
        var plan = [(tokens: Int, passes: [Int])](repeating: (0, []), count: min(lanes.count, passes.count))
        for pass in passes.indices.sorted(by: { (passes[$1], $0) < (passes[$0], $1) }) {
            let lane = plan.indices.min { plan[$0].tokens < plan[$1].tokens } ?? 0
            plan[lane].tokens += passes[pass]
            plan[lane].passes.append(pass)
        }
        let shares = plan.map(\.passes)
        let results = try concurrently(shares.count) { [lanes] lane in
            try shares[lane].map { (pass: $0, result: try body($0, lanes[lane])) }
        }
        for lane in lanes.dropFirst().prefix(max(0, shares.count - 1)) {
            try weights.gradients.write(weights.gradients + lane.gradients)
            try lane.gradients.scaleInPlace(by: 0)
        }
        return results.joined().sorted { $0.pass < $1.pass }.map(\.result)
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
