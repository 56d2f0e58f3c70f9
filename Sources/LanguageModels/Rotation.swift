import Tensors

/// Rotary position embeddings in the half-split form: component i turns with component i + width / 2.
struct Rotation {
    /// `[tokens, 1, width]`
    let cosine, sine: Tensor

    init(positions: [Int], inverseFrequencies: Tensor, dtype: DType) throws {
        let device = inverseFrequencies.device
        let column = try Tensor(positions).to(.float32, on: device).reshaped([-1, 1, 1])
        let half = try column * inverseFrequencies
        let angles = try Tensor.concatenated([half, half], dimension: 2)
        cosine = try angles.cos().to(dtype)
        sine = try angles.sin().to(dtype)
    }

    /// Turns `[tokens, heads, width]`.
    func apply(to tensor: Tensor) throws -> Tensor {
        let width = tensor.shape[2]
        let first = try tensor.narrowed(2, 0..<width / 2)
        let second = try tensor.narrowed(2, width / 2..<width)
        let turned = try Tensor.concatenated([-second, first], dimension: 2)
        return try tensor * cosine + turned * sine
    }
}
