import Tensors
import Testing

/// The kernels against libtorch's operations.
@Suite struct KernelTests {
    /// Numbers from -1 to 1 without a pattern.
    func noise(_ shape: [Int], seed: Int) throws -> Tensor {
        let count = shape.reduce(1, *)
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        let values = (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int32(truncatingIfNeeded: state >> 32)) / Float(Int32.max)
        }
        return try Tensor(values, shape: shape)
    }

    func largestDifference(_ a: Tensor, _ b: Tensor) throws -> Float { try (a - b).abs().floats().max() ?? 0 }

    @Test(arguments: [1, 15, 16, 37, 576]) func rmsNormIsLibtorchs(width: Int) throws {
        let (x, weight) = (try noise([5, width], seed: 1), try noise([width], seed: 2))
        let expected = try x.rmsNorm(weight, epsilon: 1e-5)
        #expect(try largestDifference(x.fastRMSNorm(weight, epsilon: 1e-5), expected) < 1e-5)
    }

    @Test(arguments: [1, 16, 37]) func theGatedProductIsLibtorchs(width: Int) throws {
        let x = try noise([7, 2 * width], seed: 3) * 20
        let (gate, up) = (try x.narrowed(1, 0..<width), try x.narrowed(1, width..<2 * width))
        #expect(try largestDifference(x.gated(), gate.silu() * up) < 1e-4)
    }

    /// With inputs that are whole multiples of a scale nothing is lost, so the product is exact.
    @Test func int8ProductsOfWholeNumbersAreExact() throws {
        for (rows, columns, count) in [(16, 4, 1), (37, 30, 5), (100, 64, 7), (65, 129, 13)] {
            func whole(_ shape: [Int], _ seed: Int) throws -> Tensor {
                // Between -127 and 127, and a 127 in every group, so that its scale is 1.
                let values = try noise(shape, seed: seed).floats().enumerated().map { index, value in
                    index % shape[1] % Int8Matrix.groupLength == 0 ? 127 : (value * 127).rounded()
                }
                return try Tensor(values, shape: shape)
            }
            let (weight, x) = (try whole([rows, columns], rows), try whole([count, columns], columns))
            let (bias, residual) = (try noise([rows], seed: 4), try noise([count, rows], seed: 5))
            let matrix = try Int8Matrix(shape: [rows, columns]) { add in
                let cut = rows / 3
                try add(weight.narrowed(0, 0..<cut))
                try add(weight.narrowed(0, cut..<rows))
            }
            let expected = try x.linear(weight, bias: bias) + residual
            // Sums of up to 129 products of 14 bits are exact in the reference's floats too, but for the additions.
            #expect(try largestDifference(matrix.product(x, bias: bias, residual: residual), expected) <= 0.25)
            #expect(try largestDifference(matrix.product(x), x.linear(weight)) == 0)
            let ends = [rows - 1, 0]
            #expect(try largestDifference(matrix.selected(ends), weight.selected(0, Tensor(ends))) == 0)
        }
    }

    @Test func int8RowsDoNotDependOnOneAnother() throws {
        let (weight, x) = (try noise([64, 100], seed: 6), try noise([9, 100], seed: 7))
        let matrix = try Int8Matrix(shape: [64, 100]) { try $0(weight) }
        let together = try matrix.product(x).floats()
        for row in 0..<9 {
            let alone = try matrix.product(x.narrowed(0, row..<row + 1)).floats()
            #expect(alone == Array(together[row * 64..<row * 64 + 64]))
        }
        let some = try matrix.rows(16..<48).product(x).floats()
        var middle: [Float] = []
        for start in stride(from: 16, to: 9 * 64, by: 64) { middle += together[start..<start + 32] }
        #expect(some == middle)
        // Rounding of both sides to 8 bits: well below a hundredth of the sizes that occur.
        #expect(try largestDifference(matrix.product(x), x.linear(weight)) < 0.1)
    }

    /// Against floats: an outlier of a group, in the input or in the weights, costs the other groups nothing.
    @Test func anInt8OutlierSpoilsItsGroupAlone() throws {
        let (columns, group) = (3 * Int8Matrix.groupLength + 10, Int8Matrix.groupLength)
        var (x, weight) = (try noise([4, columns], seed: 8).floats(), try noise([20, columns], seed: 9).floats())
        // One input of group 1, where the weights are 0, and a weight in group 2 where the inputs are 0.
        for row in 0..<4 {
            x[row * columns + group + 5] = 1000
            for index in 2 * group..<3 * group { x[row * columns + index] = 0 }
        }
        for row in 0..<20 {
            for index in group..<2 * group { weight[row * columns + index] = 0 }
            weight[row * columns + 2 * group + 7] = -1000
        }
        let (left, right) = (try Tensor(x, shape: [4, columns]), try Tensor(weight, shape: [20, columns]))
        let matrix = try Int8Matrix(shape: [20, columns]) { try $0(right) }
        #expect(try largestDifference(matrix.product(left), left.linear(right)) < 0.1)
        let kept = try matrix.selected(Array(0..<20)).narrowed(1, 0..<group)
        #expect(try largestDifference(kept, right.narrowed(1, 0..<group)) < 0.004)
    }

    /// Attention over pages against libtorch's, turned by positions, in pieces of several lengths.
    @Test(arguments: [(4, 2, 16, 0), (3, 3, 64, 0), (2, 1, 256, 0), (4, 1, 32, 70)])
    func attentionOverPagesIsLibtorchs(heads: Int, shared: Int, width: Int, window: Int) throws {
        let lengths = [150, 3, 64]
        let row = (heads + 2 * shared) * width
        let sources = try lengths.enumerated().map { try noise([$1, row], seed: 10 + $0) }
        for (dtype, tolerance) in [(DType.float32, Float(2e-5)), (.float16, 2e-3)] {
            let pages = try lengths.map { length in
                try (0..<(length + 63) / 64).map { _ in
                    // What was never written must not be read: not a number.
                    try Tensor.full(.nan, shape: [2, 2, shared, width * 64], dtype: dtype)
                }
            }
            // The first tokens of each, then all that are left, together.
            var parts: [[Tensor]] = [[], [], []]
            var held = [0, 0, 0]
            for cut in [[70, 1, 64], [1, 1, 0], [79, 1, 0]] {
                var table = PageTable()
                var inputs: [Tensor] = []
                for index in 0..<3 where cut[index] > 0 {
                    table.append(pages[index], held: held[index], new: cut[index])
                    inputs.append(try sources[index].narrowed(0, held[index]..<held[index] + cut[index]))
                }
                let positions = (0..<3).flatMap { held[$0]..<held[$0] + cut[$0] }
                let (cosine, sine) = try angles(positions, width)
                let result = try table.attention(
                    Tensor.concatenated(inputs, dimension: 0), layer: 1,
                    heads: .init(count: heads, keyCount: shared, width: width, scale: 0.3, window: window),
                    cosine: cosine, sine: sine)
                var start = 0
                for index in 0..<3 where cut[index] > 0 {
                    parts[index].append(try result.narrowed(0, start..<start + cut[index]))
                    start += cut[index]
                    held[index] += cut[index]
                }
            }
            for index in 0..<3 {
                let ours = try Tensor.concatenated(parts[index], dimension: 0)
                let theirs = try reference(sources[index], heads, shared, width, window)
                #expect(try largestDifference(ours, theirs) < tolerance)
            }
        }
    }

    func angles(_ positions: [Int], _ width: Int) throws -> (cosine: Tensor, sine: Tensor) {
        let frequencies = try Tensor((0..<width / 2).map { Float(1 / Double($0 + 1)) }, shape: [1, width / 2])
        let half = try Tensor(positions).to(.float32).reshaped([-1, 1]) * frequencies
        let angles = try Tensor.concatenated([half, half], dimension: 1)
        return (try angles.cos(), try angles.sin())
    }

    func reference(_ qkv: Tensor, _ heads: Int, _ shared: Int, _ width: Int, _ window: Int) throws -> Tensor {
        let length = qkv.shape[0]
        let (cosine, sine) = try angles(Array(0..<length), width)
        func head(_ index: Int, turned: Bool) throws -> Tensor {
            let x = try qkv.narrowed(1, index * width..<(index + 1) * width)
            if !turned { return x }
            let (first, second) = (try x.narrowed(1, 0..<width / 2), try x.narrowed(1, width / 2..<width))
            return try x * cosine + Tensor.concatenated([-second, first], dimension: 1) * sine
        }
        let rows = try Tensor.range(0..<length).reshaped([length, 1])
        let columns = try Tensor.range(0..<length).reshaped([1, length])
        var outputs: [Tensor] = []
        for index in 0..<heads {
            let group = index / (heads / shared)
            var scores =
                try head(index, turned: true)
                .matmul(head(heads + group, turned: true).transposed(0, 1)) * 0.3
            scores = try scores.kept(where: rows .>= columns, otherwise: -Double.infinity)
            if window > 0 {
                scores = try scores.kept(where: rows .< columns + Double(window), otherwise: -Double.infinity)
            }
            outputs.append(try scores.softmax(1).matmul(head(heads + shared + group, turned: false)))
        }
        return try Tensor.concatenated(outputs, dimension: 1)
    }
}
