import Foundation
import Tensors
import TestSupport
import Testing

@testable import LanguageModels

/// Training's passes by the kernels of a CPU and by the operations of a GPU, which a CPU can run too.
@Suite(.serialized) struct PackedPassTests {
    /// Sequences longer than a block of 128 queries and than Gemma's window of 16, two that share a prefix, and a short one.
    var sequences: [CausalLM.PackedSequence] {
        let long = (0..<300).map { ($0 * 37 + 11) % 320 }
        func sequence(_ shared: Int, _ count: Int, seed: Int) -> CausalLM.PackedSequence {
            let tokens = long[..<shared] + (0..<count).map { ($0 * 53 + seed) % 320 }
            return .init(
                tokens: Array(tokens), mask: tokens.indices.map { $0 >= shared && $0 % 3 == 0 }, sharedCount: shared)
        }
        return [
            .init(tokens: long, mask: long.indices.map { $0 % 3 == 0 }), sequence(170, 150, seed: 5),
            sequence(20, 1, seed: 6), sequence(0, 19, seed: 7),
        ]
    }

    /// The log-probabilities and the gradients of their sum.
    func values(_ name: String, kernels: Bool, precision: Precision) throws -> [[Float]] {
        let path = fixture("models/\(name)")
        let json = try Data(contentsOf: URL(filePath: path).appending(path: "config.json"))
        let model = try CausalLM(
            configuration: ModelConfiguration(json: json, source: path), weights: SafetensorsFolder(path: path),
            adapter: nil, device: .cpu, precision: precision, allowsKernels: kernels)
        #expect(model.usesTrainingKernels == kernels)
        let weights = try LoRAWeights(LoRAAdapter(path: fixture("training/\(name)-adapter")), for: model)
        let result = try model.backpropagate(sequences, lora: weights) { values, _ in try values.sum(0) }
        return [result.logProbabilities, try weights.gradients.floats()]
    }

    /// In 32-bit floats the two sum up the same numbers in another order: 1e-4 of the largest. In bfloat16, whose numbers have
    /// 8 bits, each rounds in other places, in every layer: the Euclidean norm of the differences is within 5 % of the
    /// values' (measured: 1 to 3.4 %).
    @Test(arguments: ParityTests.models, [Precision.float32, .bfloat16])
    func theKernelsAndTheOperationsGiveTheSameValuesAndGradients(name: String, precision: Precision) throws {
        let kernels = try values(name, kernels: true, precision: precision)
        let operations = try values(name, kernels: false, precision: precision)
        for (left, right) in zip(kernels, operations) {
            #expect(left.count == right.count && right.contains { $0 != 0 })
            if precision == .float32 {
                let difference = zip(left, right).map { abs($0 - $1) }.max() ?? 0
                #expect(difference < 1e-4 * (right.map(abs).max() ?? 0))
            } else {
                let difference = zip(left, right).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
                let size = right.reduce(0) { $0 + $1 * $1 }
                #expect(difference > 0 && difference < 0.05 * 0.05 * size, "\((difference / size).squareRoot())")
            }
        }
    }
}
