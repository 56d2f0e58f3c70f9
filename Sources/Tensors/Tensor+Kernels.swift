import CTorch

extension Tensor {
    /// As ``rmsNorm(_:epsilon:)``, in one pass over dense 32-bit floats on the CPU.
    public func fastRMSNorm(_ weight: Tensor, epsilon: Double) throws -> Tensor {
        try withExtendedLifetime(weight) { try derive { ct_fast_rms_norm($0, weight.handle, epsilon, $1) } }
    }

    /// For rows `[gate | up]` of dense 32-bit floats on the CPU: `silu(gate) · up`, or gelu (by tanh) instead of silu.
    public func gated(gelu: Bool = false) throws -> Tensor { try derive { ct_gated($0, gelu, $1) } }
}

extension Tensor {
    /// A token for each row of logits `[n, vocabulary]` (dense 32-bit floats on the CPU), and its log-probability among
    /// the allowed tokens at the temperature (1 for greedy choices), before top-p and min-p.
    public func choose(_ choices: [TokenChoice]) throws -> [(token: Int, logProbability: Float)] {
        var tokens = [Int64](repeating: 0, count: choices.count)
        var logProbabilities = [Float](repeating: 0, count: choices.count)
        try withExtendedLifetime((self, choices)) {
            let raw = choices.map { choice in
                ct_choice(
                    allowed: choice.allowed.map { UnsafePointer($0.ids.baseAddress!) },
                    allowed_count: choice.allowed?.count ?? 0, temperature: choice.temperature, top_p: choice.topP,
                    min_p: choice.minP, uniform: choice.uniform)
            }
            try check(ct_choose(handle, raw, raw.count, &tokens, &logProbabilities))
        }
        return zip(tokens, logProbabilities).map { (Int($0), $1) }
    }
}
