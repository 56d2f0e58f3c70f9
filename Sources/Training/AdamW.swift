import Foundation
public import LanguageModels
import Tensors

/// AdamW on the weights of an adapter (Loshchilov and Hutter, arXiv 1711.05101), with gradient clipping.
public final class AdamW: Sendable {
    public struct Options: Hashable, Sendable, Codable {
        public var learningRate: Double
        public var beta1: Double
        public var beta2: Double
        public var epsilon: Double
        public var weightDecay: Double
        /// Gradients with a greater Euclidean norm are scaled down to it.
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

    public init(_ weights: LoRAWeights) throws {
        self.weights = weights
        firstMoment = try Tensor.full(0, shape: weights.values.shape, on: weights.values.device)
        secondMoment = try Tensor.full(0, shape: weights.values.shape, on: weights.values.device)
    }

    /// Clips the gradients, takes step `step` (from 1) and sets them back to zero.
    ///
    /// - Returns: the gradient's norm before clipping. When it is not finite, nothing was changed.
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

/// Linear warm-up, then half a cosine down to a tenth.
public struct LearningRateSchedule: Hashable, Sendable, Codable {
    public var peak: Double
    public var warmupSteps: Int
    public var totalSteps: Int
    static let floor = 0.1

    /// The rate of step `step`, from 1.
    public func rate(_ step: Int) -> Double {
        if step <= warmupSteps { return peak * Double(step) / Double(warmupSteps) }
        let progress = Double(step - warmupSteps) / Double(max(1, totalSteps - warmupSteps))
        let cosine = (1 + cos(Double.pi * min(1, progress))) / 2
        return peak * (Self.floor + (1 - Self.floor) * cosine)
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
                throw TrainingError(
                    .foreignFolder, "\(file.path) does not belong to this run's adapter.")
            }
            try tensor.write(saved)
        }
    }
}
