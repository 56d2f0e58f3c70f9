import Tensors

/// A linear layer `x Wᵀ + b`, in floats or in 8-bit integers.
struct Linear {
    enum Weight {
        /// `[out, in]`
        case dense(Tensor)
        case int8(Int8Matrix)

        var byteCount: Int {
            switch self {
            case .dense(let weight): weight.count * weight.dtype.byteCount
            case .int8(let matrix): matrix.byteCount
            }
        }
    }

    let weight: Weight
    let bias: Tensor?

    /// - Parameter residual: `[n, out]`, added to the result.
    func callAsFunction(_ input: Tensor, adding residual: Tensor? = nil) throws -> Tensor {
        switch weight {
        case .dense(let weight):
            // Between layers of bfloat16 weights on the CPU the numbers are 32-bit floats.
            let product = try input.to(weight.dtype).linear(weight, bias: bias).to(input.dtype)
            return try residual.map { try $0 + product } ?? product
        case .int8(let matrix):
            return try matrix.product(input, bias: bias, residual: residual)
        }
    }

    /// The outputs in `range`, as a view.
    func rows(_ range: Range<Int>) throws -> Linear {
        let part = try bias?.narrowed(0, range)
        switch weight {
        case .dense(let weight): return Linear(weight: .dense(try weight.narrowed(0, range)), bias: part)
        case .int8(let matrix): return Linear(weight: .int8(try matrix.rows(range)), bias: part)
        }
    }

    /// The weight `[out, in]` in floats; nil in 8-bit integers.
    var dense: Tensor? { if case .dense(let weight) = weight { weight } else { nil } }
}
