import Foundation
public import LanguageModels
import Runs
import StatefulTools
import Tensors

/// Model, adapter and optimiser. Used on the compute thread only.
public final class Trainer: Sendable {
    let model: CausalLM
    /// The adapter in training.
    public let weights: LoRAWeights
    let optimizer: AdamW
    /// The weights for each pass that goes through the model at the same time, with gradients of their own.
    private let lanes: [LoRAWeights]
    private let name: String

    /// - Parameters:
    ///   - name: the model's name as the user gave it, for the saved adapter.
    ///   - weights: makes the adapter to begin with.
    ///   - checkpoint: where the run goes on; nil at its beginning.
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
        // With a small model a few cores wait for each other: a pass on each core is faster than one pass on all. Many cores
        // would need more sequences than a step has.
        let count = model.device == .cpu && Engine.threadCount <= 8 ? Engine.threadCount : 1
        lanes = try (0..<max(1, count)).map { try $0 == 0 ? weights : LoRAWeights(sharing: weights, for: model) }
        optimizer = try AdamW(weights)
        if let checkpoint {
            try weights.copy(LoRAAdapter(path: checkpoint.path(percentEncoded: false)))
            try optimizer.load(from: checkpoint)
        }
    }

    /// How many passes go through the model at the same time.
    var laneCount: Int { lanes.count }

    /// Runs `body` on each pass, several at the same time, and adds up their gradients.
    ///
    /// - Parameters:
    ///   - passes: the tokens of each pass.
    ///   - body: adds the gradients of a pass to those of the given weights.
    /// - Returns: the results of `body` in the order of the passes.
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

    /// Saves the adapter in 32-bit floats.
    func saveAdapter(to folder: URL, card: AdapterCard) throws {
        try weights.adapter.write(to: folder, baseModel: name, dropout: weights.configuration.dropout)
        try card.write(toAdapter: folder)
    }

    /// Saves the adapter, the optimiser and the state, to go on from.
    func save(to folder: URL, card: AdapterCard, state: TrainingState) throws {
        try saveAdapter(to: folder, card: card)
        try optimizer.save(to: folder)
        try JSONEncoder().encode(state).write(to: folder.appending(path: Self.stateFile), options: .atomic)
    }

    private static let stateFile = "trainer_state.json"

    /// The state that a checkpoint holds.
    static func state(in checkpoint: URL) throws -> TrainingState {
        let file = checkpoint.appending(path: stateFile)
        guard let data = try? Data(contentsOf: file),
            let state = try? JSONDecoder().decode(TrainingState.self, from: data)
        else {
            throw RunError(.damaged, "\(file.path(percentEncoded: false)) is missing, damaged or of another version.")
        }
        return state
    }
}
