import CTorch

/// Records the operations of `body` on this thread, so that ``Tensor/backward(_:)`` can find the gradients of its
/// variables (``Tensor/leaf(addingTo:)``). Outside of it nothing is recorded.
public func recordingGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = ct_set_recording(true)
    defer { _ = ct_set_recording(before) }
    return try body()
}

extension Tensor {
    /// The same elements as a variable, with a gradient of its own.
    ///
    /// - Parameter gradient: A tensor of the same shape, to which ``backward(_:)`` adds in place.
    public func leaf(addingTo gradient: Tensor? = nil) throws -> Tensor {
        try withExtendedLifetime(gradient) { try derive { ct_leaf($0, gradient?.handle, $1) } }
    }

    /// Computes the gradients of this tensor and adds them to the variables behind it (``leaf(addingTo:)``).
    ///
    /// - Parameter gradient: The gradient of this tensor, of the same shape; nil for a scalar.
    public func backward(_ gradient: Tensor? = nil) throws {
        try withExtendedLifetime((self, gradient)) { try check(ct_backward(handle, gradient?.handle)) }
    }

    /// The gradient that ``backward(_:)`` computed for this variable.
    public func gradient() throws -> Tensor { try derive { ct_gradient($0, $1) } }

    /// `x Wᵀ + bias + scale · (z Aᵀ) Bᵀ` for x = `self [tokens, in]` and each of some modules that read it; the weight holds
    /// their rows below one another. Gradients for the input, `dropped`, and the adapters' matrices.
    ///
    /// - Parameters:
    ///   - bias: `[out]`, in the input's type.
    ///   - adapters: For each module `a [rank, in]` and `b [its outputs, rank]`, in 32-bit floats.
    ///   - dropped: The adapters' input z, after dropout; x when nil.
    /// - Returns: For each module `[tokens, its outputs]`.
    public func linear(
        _ weight: FrozenWeight, bias: Tensor?, adapters: [(a: Tensor, b: Tensor)], scale: Double, dropped: Tensor? = nil
    ) throws -> [Tensor] {
        // Products of 8-bit integers are summed up in 32-bit floats.
        let bias = if case .int8 = weight { try bias?.to(.float32) } else { bias }
        return try withExtendedLifetime((self, weight, bias, adapters, dropped)) {
            var frozen = weight.raw
            frozen.bias = bias?.handle
            let matrices = adapters.flatMap { [$0.a.handle, $0.b.handle] } as [ct_tensor_t?]
            var results = [ct_tensor_t?](repeating: nil, count: adapters.count)
            try check(
                ct_lora_linear(handle, dropped?.handle, &frozen, matrices, adapters.count, scale, &results))
            return results.map { Tensor(handle: $0!) }
        }
    }

    /// ``rmsNorm(_:epsilon:)`` of 32-bit floats with the result in another type. A gradient for the input alone.
    public func rmsNorm(_ weight: Tensor, epsilon: Double, as dtype: DType) throws -> Tensor {
        try withExtendedLifetime(weight) { try derive { ct_rms_norm_as($0, weight.handle, epsilon, dtype.raw, $1) } }
    }

    /// Turns component i of `self [tokens, heads, width]` with component i + width / 2, by angles whose cosine and sine
    /// are `[tokens, 1, width / 2]` in its type. A gradient for the input alone.
    public func rotated(cosine: Tensor, sine: Tensor) throws -> Tensor {
        try withExtendedLifetime((cosine, sine)) { try derive { ct_rotate($0, cosine.handle, sine.handle, $1) } }
    }

    /// `silu(self) · up`, or `gelu(self) · up` by its approximation with tanh; on the CPU, in 32-bit floats or bfloat16.
    public func gate(_ up: Tensor, gelu: Bool) throws -> Tensor {
        try withExtendedLifetime(up) { try derive { ct_gate($0, up.handle, gelu, $1) } }
    }

    /// Zeroes elements with `probability`, the same ones for the same seed, and scales the others up, so that the mean
    /// stays.
    public func dropout(_ probability: Double, seed: UInt64) throws -> Tensor {
        try derive { ct_dropout($0, probability, seed, $1) }
    }

    /// The Euclidean norm of all elements.
    public func norm() throws -> Double {
        var result = 0.0
        try withExtendedLifetime(self) { try check(ct_norm(handle, &result)) }
        return result
    }
}

// MARK: In place; the caller must be the memory's only user.

extension Tensor {
    /// Multiplies all elements by `factor`.
    public func scaleInPlace(by factor: Double) throws {
        try withExtendedLifetime(self) { try check(ct_scale_in_place(handle, factor)) }
    }

    /// Fills with numbers sampled uniformly from `range`, the same for the same seed.
    public func fillUniformly(_ range: Range<Double>, seed: UInt64) throws {
        try withExtendedLifetime(self) {
            try check(ct_random_uniform(handle, range.lowerBound, range.upperBound, seed))
        }
    }

    /// One step of AdamW (Loshchilov and Hutter, arXiv 1711.05101); `step` counts from 1.
    public func stepAdamW(
        gradients: Tensor, firstMoment: Tensor, secondMoment: Tensor, step: Int, learningRate: Double, beta1: Double,
        beta2: Double, epsilon: Double, weightDecay: Double
    ) throws {
        try withExtendedLifetime((self, gradients, firstMoment, secondMoment)) {
            try check(
                ct_adamw(
                    handle, gradients.handle, firstMoment.handle, secondMoment.handle, Int64(step), learningRate,
                    beta1, beta2, epsilon, weightDecay))
        }
    }
}
