import Foundation
public import LanguageModels
import Runs
import Tensors

/// AdamW on the weights of an adapter (Loshchilov and Hutter, arXiv 1711.05101), with gradient clipping.
public final class AdamW: Sendable {
    /// The optimiser's settings, by their usual names.
    public struct Options: Hashable, Sendable, Codable {
        public var learningRate: Double
        public var beta1: Double
        public var beta2: Double
        public var epsilon: Double
        public var weightDecay: Double
        /// The greatest Euclidean norm of the gradients; greater ones are scaled down to it.
        public var clipNorm: Double

        public init(
            learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
            weightDecay: Double = 0, clipNorm: Double = 1
        ) {
            self.learningRate = learningRate
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
            self.weightDecay = weightDecay
            self.clipNorm = clipNorm
        }
    }

    let weights: LoRAWeights
    let firstMoment, secondMoment: Tensor

    /// An optimiser of these weights whose moments are 0.
    public init(_ weights: LoRAWeights) throws {
        self.weights = weights
        firstMoment = try Tensor.full(0, shape: weights.values.shape, on: weights.values.device)
        secondMoment = try Tensor.full(0, shape: weights.values.shape, on: weights.values.device)
    }

    /// Clips the gradients, takes step `step` (from 1) and sets the gradients to zero.
    ///
    /// - Returns: the gradient's norm before clipping. When it is not finite, the weights are as before.
    public func step(_ step: Int, _ options: Options, learningRate: Double) throws -> Double {
        let norm = try weights.gradients.norm()
        guard norm.isFinite else { return norm }
        // As torch.nn.utils.clip_grad_norm_.
        if norm > options.clipNorm { try weights.gradients.scaleInPlace(by: options.clipNorm / (norm + 1e-6)) }
        try weights.values.stepAdamW(
            gradients: weights.gradients, firstMoment: firstMoment, secondMoment: secondMoment, step: step,
            learningRate: learningRate, beta1: options.beta1, beta2: options.beta2, epsilon: options.epsilon,
            weightDecay: options.weightDecay)
        try weights.gradients.scaleInPlace(by: 0)
        return norm
    }
}

extension AdamW {
    private static let fileName = "optimizer.safetensors"

    func save(to folder: URL) throws {
        try SafetensorsFile.write(
            ["first_moment": firstMoment, "second_moment": secondMoment], to: folder.appending(path: Self.fileName))
    }

    func load(from folder: URL) throws {
        let file = try SafetensorsFile(path: folder.appending(path: Self.fileName).path(percentEncoded: false))
        for (name, tensor) in [("first_moment", firstMoment), ("second_moment", secondMoment)] {
            guard let saved = try file.tensor(name), saved.shape == tensor.shape else {
                throw RunError(.foreignFolder, "\(file.path) does not belong to this run's adapter.")
            }
            try tensor.write(saved)
        }
    }
}
