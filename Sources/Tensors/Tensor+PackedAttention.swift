import CTorch

extension Tensor {
    /// Causal grouped-query attention within each part, for a query `self [tokens, heads, width]`. Gradients for query,
    /// key and value.
    ///
    /// - Parameters:
    ///   - key: `[tokens, key heads, width]`.
    ///   - value: `[tokens, key heads, width]`.
    ///   - window: The most tokens that a token sees, itself included; 0 for all before it.
    ///   - usesKernel: True for the kernel: on the CPU, in 32-bit floats or bfloat16, without a matrix of all scores.
    ///     False for libtorch's operations, on any device.
    /// - Returns: `[tokens, heads, width]`.
    public func packedAttention(
        key: Tensor, value: Tensor, parts: [PackedPart], window: Int, scale: Double, usesKernel: Bool
    ) throws -> Tensor {
        guard usesKernel else {
            return try packedAttentionByOperations(key: key, value: value, parts: parts, window: window, scale: scale)
        }
        let numbers = parts.flatMap { part in
            [part.range.lowerBound, part.range.count, part.shared.lowerBound, part.shared.count].map(Int64.init)
        }
        return try withExtendedLifetime((key, value)) {
            try derive {
                ct_packed_attention($0, key.handle, value.handle, numbers, parts.count, Int64(window), scale, $1)
            }
        }
    }

    private func packedAttentionByOperations(
        key: Tensor, value: Tensor, parts: [PackedPart], window: Int, scale: Double
    ) throws -> Tensor {
        let (heads, shared, width) = (shape[1], key.shape[1], shape[2])
        /// `[tokens, shared, width]` with each head repeated for the queries that share it.
        func spread(_ tensor: Tensor) throws -> Tensor {
            if heads == shared { return tensor }
            return try tensor.reshaped([-1, shared, 1, width]).repeated([1, 1, heads / shared, 1])
                .reshaped([-1, heads, width])
        }
        let (keys, values) = (try spread(key), try spread(value))
        if window == 0 || parts.allSatisfy({ $0.shared.count + $0.range.count <= window }) {
            return try sideBySide(keys, values, parts, scale: scale)
        }
        let outputs = try parts.map { part in
            let (held, new) = (part.shared.count, part.range.count)
            let mask = try Tensor.causalMask(held: held, new: new, window: window, dtype: dtype, on: device)
            func rows(_ tensor: Tensor, _ range: Range<Int>) throws -> Tensor {
                try tensor.narrowed(0, range).transposed(0, 1).reshaped([1, heads, range.count, width])
            }
            /// The tokens that the part shares, and its own.
            func seen(_ tensor: Tensor) throws -> Tensor {
                let own = try rows(tensor, part.range)
                if part.shared.isEmpty { return own }
                return try Tensor.concatenated([rows(tensor, part.shared), own], dimension: 2)
            }
            let mixed = try rows(self, part.range)
                .attention(key: seen(keys), value: seen(values), mask: mask, scale: scale)
            return try mixed.transposed(1, 2).reshaped([new, heads, width])
        }
        return outputs.count == 1 ? outputs[0] : try Tensor.concatenated(outputs, dimension: 0)
    }

    /// Attention without a window: each part behind the tokens that it shares, padded at its end to the longest. These are
    /// few large operations, as a GPU wants them. No token sees the padding behind it.
    private func sideBySide(_ keys: Tensor, _ values: Tensor, _ parts: [PackedPart], scale: Double) throws -> Tensor {
        let (heads, width) = (shape[1], shape[2])
        let longest = parts.map { $0.shared.count + $0.range.count }.max() ?? 0
        var places: [Int] = []
        var rows: [Int] = []
        for (number, part) in parts.enumerated() {
            places += part.shared
            places += part.range
            let count = part.shared.count + part.range.count
            places += [Int](repeating: part.range.lowerBound, count: longest - count)
            rows += number * longest + part.shared.count..<number * longest + count
        }
        let index = try Tensor(places).to(.int64, on: device)
        func padded(_ tensor: Tensor) throws -> Tensor {
            try tensor.selected(0, index).reshaped([parts.count, longest, heads, width]).transposed(1, 2)
        }
        let mixed = try padded(self)
            .attention(key: padded(keys), value: padded(values), mask: nil, isCausal: true, scale: scale)
        return try mixed.transposed(1, 2).reshaped([-1, heads, width])
            .selected(0, Tensor(rows).to(.int64, on: device))
    }

    /// An additive mask `[new, held + new]`: 0 where one of `new` tokens behind `held` others may look, -∞ elsewhere.
    ///
    /// - Parameter window: The most tokens that a token sees, itself included; 0 for all before it.
    public static func causalMask(
        held: Int, new: Int, window: Int, dtype: DType, on device: Device
    ) throws -> Tensor {
        let columns = try Tensor.range(0..<held + new, on: device).reshaped([1, held + new])
        func rows(shiftedBy shift: Int) throws -> Tensor {
            try Tensor.range(held + shift..<held + new + shift, on: device).reshaped([new, 1])
        }
        let open = try Tensor.full(0, shape: [1, 1], dtype: dtype, on: device)
        let mask = try open.kept(where: rows(shiftedBy: 0) .>= columns, otherwise: -Double.infinity)
        if window == 0 || held + new <= window { return mask }
        return try mask.kept(where: columns .>= rows(shiftedBy: 1 - window), otherwise: -Double.infinity)
    }
}
