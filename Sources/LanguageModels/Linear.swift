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
    /// The weight as training reads it; nil in 8-bit integers alone.
    let frozen: FrozenWeight?

    /// - Parameter quantizes: Whether training multiplies by the weight in 8-bit integers.
    init(weight: Weight, bias: Tensor?, quantizes: Bool = false) throws {
        self.weight = weight
        self.bias = bias
        if case .dense(let dense) = weight {
            frozen = try quantizes ? FrozenWeight(quantizing: dense) : .dense(dense)
        } else {
            frozen = nil
        }
    }

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
        case .dense(let weight): return try Linear(weight: .dense(weight.narrowed(0, range)), bias: part)
        case .int8(let matrix): return try Linear(weight: .int8(matrix.rows(range)), bias: part)
        }
    }
}
