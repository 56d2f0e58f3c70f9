import Foundation
import Tensors
import Testing

/// What training goes through on a CPU, against libtorch's operations and the gradients that it derives for them.
@Suite struct TrainingKernelTests {
    func noise(_ shape: [Int], seed: UInt64, scale: Double = 1) throws -> Tensor {
        let tensor = try Tensor.full(0, shape: shape)
        try tensor.fillUniformly(-scale..<scale, seed: seed)
        return tensor
    }

    /// The value of `function` and the gradients of Σ value · weight for its inputs.
    func valueAndGradients(
        _ inputs: [Tensor], weight: Tensor, _ function: ([Tensor]) throws -> Tensor
    ) throws -> [[Float]] {
        let leaves = try inputs.map { try $0.leaf() }
        let value = try recordingGradients { try function(leaves) }
        try value.backward(weight.to(value.dtype))
        return try [value.floats()] + leaves.map { try $0.gradient().to(.float32).floats() }
    }

    func expectClose(
        _ found: [[Float]], _ expected: [[Float]], _ tolerance: Float, _ source: SourceLocation = #_sourceLocation
    ) {
        #expect(found.map(\.count) == expected.map(\.count), sourceLocation: source)
        for (index, (left, right)) in zip(found, expected).enumerated() {
            let difference = zip(left, right).map { abs($0 - $1) }.max() ?? 0
            let size = right.map(abs).max() ?? 0
            #expect(
                difference <= tolerance * max(size, 1e-3), "\(index): \(difference) of \(size)", sourceLocation: source)
        }
    }

    @Test(arguments: [(1, false), (16, true), (37, false), (37, true), (576, false)])
    func gatesAreLibtorchs(width: Int, isGelu: Bool) throws {
        let inputs = [try noise([5, width], seed: 1, scale: 9), try noise([5, width], seed: 2)]
        let weight = try noise([5, width], seed: 3)
        let expected = try valueAndGradients(inputs, weight: weight) {
            try (isGelu ? $0[0].gelu() : $0[0].silu()) * $0[1]
        }
        expectClose(
            try valueAndGradients(inputs, weight: weight) { try $0[0].gate($0[1], gelu: isGelu) }, expected, 1e-5)
        let half = try inputs.map { try $0.to(.bfloat16) }
        expectClose(try valueAndGradients(half, weight: weight) { try $0[0].gate($0[1], gelu: isGelu) }, expected, 2e-2)
    }

    @Test(arguments: [1, 37, 576]) func normsAreLibtorchs(width: Int) throws {
        let (input, scale) = (try noise([4, width], seed: 4), try noise([width], seed: 5))
        let weight = try noise([4, width], seed: 6)
        let expected = try valueAndGradients([input], weight: weight) { try $0[0].rmsNorm(scale, epsilon: 1e-5) }
        // No kernel has a result in 16-bit floats: that is the formula of a GPU.
        for (type, tolerance) in [(DType.float32, Float(1e-4)), (.bfloat16, 2e-2), (.float16, 2e-3)] {
            let found = try valueAndGradients([input], weight: weight) {
                try $0[0].rmsNorm(scale, epsilon: 1e-5, as: type)
            }
            expectClose(found, expected, tolerance)
        }
    }

    /// Sequences that are longer than a block of queries, heads that share keys, a common prefix, a window; by the kernel
    /// of a CPU and by the operations of a GPU, against one plain masked attention per sequence.
    ///
    /// 1e-5 of the largest value: sums of 470 numbers in 32-bit floats, in another order. 3e-2 in bfloat16, whose numbers
    /// have 8 bits: some 8 roundings of 2⁻⁹ each on the way.
    @Test(arguments: [0, 50, 200], [true, false]) func attentionIsLibtorchs(window: Int, usesKernel: Bool) throws {
        let (heads, keyHeads, width) = (6, 2, 16)
        let parts = [
            PackedPart(range: 0..<300, shared: 0..<0), PackedPart(range: 300..<450, shared: 0..<170),
            PackedPart(range: 450..<451, shared: 0..<20), PackedPart(range: 451..<470, shared: 0..<0),
        ]
        let inputs = [
            try noise([470, heads, width], seed: 7), try noise([470, keyHeads, width], seed: 8),
            try noise([470, keyHeads, width], seed: 9),
        ]
        let weight = try noise([470, heads, width], seed: 10)
        let expected = try valueAndGradients(inputs, weight: weight) { inputs in
            let outputs = try parts.map { part in
                let count = part.range.count
                func seen(_ tensor: Tensor) throws -> Tensor {
                    let rows = try Tensor.concatenated(
                        [tensor.narrowed(0, part.shared), tensor.narrowed(0, part.range)], dimension: 0)
                    return try rows.reshaped([-1, keyHeads, 1, width]).repeated([1, 1, heads / keyHeads, 1])
                        .reshaped([-1, heads, width]).transposed(0, 1).reshaped([1, heads, -1, width])
                }
                let held = part.shared.count
                let mask = (0..<count).flatMap { row in
                    (0..<held + count).map { column in
                        let isSeen = column <= held + row && (window == 0 || column > held + row - window)
                        return isSeen ? Float(0) : -.infinity
                    }
                }
                return try inputs[0].narrowed(0, part.range).transposed(0, 1).reshaped([1, heads, count, width])
                    .attention(
                        key: seen(inputs[1]), value: seen(inputs[2]), mask: Tensor(mask, shape: [count, held + count]),
                        scale: 0.3
                    )
                    .reshaped([heads, count, width]).transposed(0, 1)
            }
            return try Tensor.concatenated(outputs, dimension: 0)
        }
        func packed(_ inputs: [Tensor]) throws -> Tensor {
            try inputs[0].packedAttention(
                key: inputs[1], value: inputs[2], parts: parts, window: window, scale: 0.3, usesKernel: usesKernel)
        }
        expectClose(try valueAndGradients(inputs, weight: weight, packed), expected, 1e-5)
        let half = try inputs.map { try $0.to(.bfloat16) }
        expectClose(try valueAndGradients(half, weight: weight, packed), expected, 3e-2)
    }

    /// Two modules that read the same input, each with an adapter, which may read what dropout has left of it.
    @Test(arguments: [false, true]) func layersWithAdaptersAreLibtorchs(drops: Bool) throws {
        let (size, widths, rank) = (80, [48, 16], 3)
        let weight = try noise([64, size], seed: 11)
        let bias = try noise([64], seed: 12)
        var inputs = [try noise([70, size], seed: 13), try noise([70, size], seed: 14)]
        for (index, width) in widths.enumerated() {
            inputs.append(try noise([rank, size], seed: UInt64(15 + 2 * index), scale: 0.3))
            inputs.append(try noise([width, rank], seed: UInt64(16 + 2 * index), scale: 0.3))
        }
        let direction = try noise([70, 64], seed: 19)
        let expected = try valueAndGradients(inputs, weight: direction) { inputs in
            let adapted = try [(2, 3), (4, 5)].map { a, b in
                // Without dropout the second input has a gradient too: 0.
                try ((drops ? inputs[1] : inputs[0] + inputs[1] * 0).linear(inputs[a]) * 0.5).linear(inputs[b])
            }
            return try inputs[0].linear(weight, bias: bias) + Tensor.concatenated(adapted, dimension: 1)
        }
        func layer(_ frozen: FrozenWeight, _ bias: Tensor) -> ([Tensor]) throws -> Tensor {
            { inputs in
                let outputs = try inputs[0].linear(
                    frozen, bias: bias, adapters: [(inputs[2], inputs[3]), (inputs[4], inputs[5])], scale: 0.5,
                    dropped: drops ? inputs[1] : nil)
                #expect(outputs.map(\.shape) == widths.map { [70, $0] })
                return try Tensor.concatenated(
                    drops ? outputs : outputs.map { try $0 + inputs[1].sum(0).sum(0) * 0 }, dimension: 1)
            }
        }
        expectClose(
            try valueAndGradients(inputs, weight: direction, layer(.dense(weight), bias)), expected, 1e-5)
        let frozen = try FrozenWeight(quantizing: weight)
        let found = try valueAndGradients(inputs, weight: direction, layer(frozen, bias))
        expectClose(found, expected, 1e-2)
        // The adapters are never rounded to integers: their gradients need the output's alone.
        expectClose(Array(found[3...]), Array(expected[3...]), 1e-5)
        let half = try inputs[..<2].map { try $0.to(.bfloat16) } + inputs[2...]
        expectClose(
            try valueAndGradients(half, weight: direction, layer(frozen, bias.to(.bfloat16))), expected, 3e-2)
    }

    @Test func passesRunSideBySideAndKeepTheirOrder() throws {
        // Runs of four for each thread.
        let count = 4 * Engine.threadCount
        let threads = try concurrently(count) { index in
            Thread.sleep(forTimeInterval: 0.001)
            return (index, pthread_self())
        }
        #expect(threads.map(\.0) == Array(0..<count))
        #expect(Set(threads.map(\.1)).count == Engine.threadCount)
        #expect(throws: CancellationError.self) {
            try concurrently(3) { if $0 == 1 { throw CancellationError() } }
        }
    }
}
