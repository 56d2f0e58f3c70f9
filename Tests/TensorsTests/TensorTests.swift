import Tensors
import TestSupport
import Testing

@Suite struct TensorTests {
    @Test func arithmeticBroadcasts() throws {
        let column = try Tensor([1, 2], shape: [2, 1])
        let row = try Tensor([10, 20, 30], shape: [1, 3])
        let sum = try column + row
        #expect(sum.shape == [2, 3])
        #expect(try sum.floats() == [11, 21, 31, 12, 22, 32])
    }
}
