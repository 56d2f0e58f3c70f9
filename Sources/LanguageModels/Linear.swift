import Tensors

/// A linear layer `x Wᵀ + b`.
struct Linear {
    /// `[out, in]`
    let weight: Tensor
    let bias: Tensor?

    func callAsFunction(_ input: Tensor) throws -> Tensor { try input.linear(weight, bias: bias) }
}
