import Foundation
import Testing

@testable import Tensors

#if os(Linux)
    /// The memory of tensors that were freed is used again, whatever sizes come.
    @Suite(.serialized) struct AllocatorTests {
        private func residentBytes() throws -> Int {
            let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[1]
            return try #require(Int(pages)) * Int(sysconf(Int32(_SC_PAGESIZE)))
        }

        @Test func `many sizes one after the other take no more than a few of them at once`() throws {
            let before = try residentBytes()
            // 4 to 12 MB each, 512 MB in all, of which one is alive at a time.
            for index in 0..<64 { _ = try Tensor.full(1, shape: [1_000_000 + index * 31_013]) }
            #expect(try residentBytes() - before < 100_000_000)
        }

        @Test func `what is kept from one tensor does not show in the next`() throws {
            for size in [1, 15, 16, 17, 1_000, 65_537] {
                _ = try Tensor.full(7, shape: [size])
                #expect(try Tensor.full(0, shape: [size]).floats() == [Float](repeating: 0, count: size))
            }
            #expect(try Tensor([Float](), shape: [0]).floats().isEmpty)
        }
    }
#endif
