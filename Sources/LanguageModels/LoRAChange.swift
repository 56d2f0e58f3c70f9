import Tensors

/// The change that an adapter makes of one weight.
struct LoRAChange {
    /// `[out, in]`, added to the weight.
    let delta: Tensor
    /// `[out]`, the length of each row of the result (DoRA); nil for none.
    let magnitude: Tensor?

    /// The rows in `range` of the weight, changed, in 32-bit floats.
    func applied(to weight: Tensor, rows range: Range<Int>) throws -> Tensor {
        let device = weight.device
        let sum = try weight.to(.float32) + delta.narrowed(0, range).to(.float32, on: device)
        guard let magnitude else { return sum }
        let squares = try (sum * sum).sum(1, keepingDimension: true)
        let wanted = try magnitude.narrowed(0, range).to(.float32, on: device).reshaped([-1, 1])
        // libtorch's roots are not wrapped: √x = exp(log(x) / 2).
        return try sum * (wanted / (squares.log() * 0.5).exp())
    }
}
