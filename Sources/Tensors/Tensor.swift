import CTorch

// Unchecked: libtorch's handles count their references atomically, and the rule above is the callers'.
/// A dense array of numbers with a shape, held by libtorch.
///
/// Tasks may share a tensor: its elements do not change after creation, except by ``write(_:)`` and the operations in
/// place, whose caller must be the tensor's only user.
public final class Tensor: @unchecked Sendable {
    let handle: OpaquePointer
    /// The owner of memory at which the tensor only looks (a mapped file).
    private let owner: (any AnyObject & Sendable)?

    init(handle: OpaquePointer, owner: (any AnyObject & Sendable)? = nil) {
        self.handle = handle
        self.owner = owner
    }

    deinit { ct_release(handle) }

    /// Runs a C function that returns a new tensor. Views of foreign memory hand their `owner` on.
    static func make(
        owner: (any AnyObject & Sendable)? = nil, _ body: (UnsafeMutablePointer<OpaquePointer?>) -> Int32
    ) throws -> Tensor {
        var result: OpaquePointer?
        try check(body(&result))
        guard let result else { throw TensorError(.operationFailed, "libtorch returned no tensor.") }
        return Tensor(handle: result, owner: owner)
    }

    /// A result that may still look at this tensor's memory.
    func derive(_ body: (OpaquePointer, UnsafeMutablePointer<OpaquePointer?>) -> Int32) throws -> Tensor {
        try withExtendedLifetime(self) { try Tensor.make(owner: owner) { body(handle, $0) } }
    }
}

/// Turns a status of the C interface into an error.
func check(_ status: Int32) throws {
    guard status == Int32(ct_ok) else {
        throw TensorError(.operationFailed, "libtorch: \(String(cString: ct_error_text()))")
    }
}

// MARK: Creation

extension Tensor {
    /// A copy of `elements` in row-major order.
    public convenience init(_ elements: [Float], shape: [Int]) throws {
        try self.init(copying: elements, dtype: .float32, shape: shape)
    }

    /// A vector of indices.
    public convenience init(_ elements: [Int]) throws {
        try self.init(copying: elements.map(Int64.init), dtype: .int64, shape: [elements.count])
    }

    convenience init(doubles: [Double]) throws {
        try self.init(copying: doubles, dtype: .float64, shape: [doubles.count])
    }

    private convenience init<Element>(copying elements: [Element], dtype: DType, shape: [Int]) throws {
        let handle = try elements.withUnsafeBytes { try Tensor.copy($0, dtype: dtype, shape: shape) }
        self.init(handle: handle)
    }

    /// A copy of `bytes`, which hold the elements in row-major order.
    convenience init(copying bytes: UnsafeRawBufferPointer, dtype: DType, shape: [Int]) throws {
        self.init(handle: try Tensor.copy(bytes, dtype: dtype, shape: shape))
    }

    private static func copy(_ bytes: UnsafeRawBufferPointer, dtype: DType, shape: [Int]) throws -> OpaquePointer {
        var result: OpaquePointer?
        try check(ct_from_bytes(bytes.baseAddress, bytes.count, dtype.raw, shape.raw, shape.count, &result))
        guard let result else { throw TensorError(.operationFailed, "libtorch returned no tensor.") }
        return result
    }

    /// A view of memory that `owner` keeps alive and unchanged.
    static func view(
        _ bytes: UnsafeRawBufferPointer, dtype: DType, shape: [Int], owner: any AnyObject & Sendable
    ) throws -> Tensor {
        try make(owner: owner) {
            ct_view_bytes(bytes.baseAddress, bytes.count, dtype.raw, shape.raw, shape.count, $0)
        }
    }

    /// A tensor with `value` in every element.
    public static func full(_ value: Double, shape: [Int], dtype: DType = .float32, on device: Device = .cpu) throws
        -> Tensor
    {
        try make { ct_full(shape.raw, shape.count, value, dtype.raw, device.raw, $0) }
    }

    /// Uninitialised elements.
    public static func empty(_ shape: [Int], dtype: DType = .float32, on device: Device = .cpu) throws -> Tensor {
        try make { ct_empty(shape.raw, shape.count, dtype.raw, device.raw, $0) }
    }

    /// The integers from `range.lowerBound` up to `range.upperBound`, not included.
    public static func range(_ range: Range<Int>, dtype: DType = .int64, on device: Device = .cpu) throws -> Tensor {
        try make { ct_range(Int64(range.lowerBound), Int64(range.upperBound), dtype.raw, device.raw, $0) }
    }
}

// MARK: Inspection

extension Tensor {
    /// The sizes in row-major order, slowest first.
    public var shape: [Int] {
        withExtendedLifetime(self) {
            var rank = 0
            guard ct_rank(handle, &rank) == Int32(ct_ok) else { return [] }
            var sizes = [Int64](repeating: 0, count: rank)
            guard ct_shape(handle, &sizes, rank) == Int32(ct_ok) else { return [] }
            return sizes.map(Int.init)
        }
    }

    /// The element type.
    public var dtype: DType {
        withExtendedLifetime(self) {
            var raw = ct_float32
            _ = ct_dtype_of(handle, &raw)
            return DType(raw)
        }
    }

    /// Where the elements are.
    public var device: Device {
        withExtendedLifetime(self) {
            var raw = Int32(ct_cpu)
            _ = ct_device_of(handle, &raw)
            return raw == Int32(ct_cpu) ? .cpu : raw == Int32(ct_mps) ? .mps : .cuda(Int(raw))
        }
    }

    /// The number of elements.
    public var count: Int { shape.reduce(1, *) }

    /// The elements in row-major order, converted to 32-bit floats.
    public func floats() throws -> [Float] { try elements(as: .float32, zero: Float(0)) }

    /// The elements in row-major order, converted to integers.
    public func integers() throws -> [Int] { try elements(as: .int64, zero: Int64(0)).map(Int.init) }

    /// The elements in row-major order, converted to 64-bit floats.
    func doubles() throws -> [Double] { try elements(as: .float64, zero: Double(0)) }

    /// The elements in row-major order as they are stored.
    func bytes() throws -> [UInt8] {
        try withExtendedLifetime(self) {
            try [UInt8](unsafeUninitializedCapacity: count * dtype.byteCount) { buffer, initialized in
                try check(ct_copy_bytes(handle, buffer.baseAddress, count * dtype.byteCount))
                initialized = count * dtype.byteCount
            }
        }
    }

    private func elements<Element>(as dtype: DType, zero: Element) throws -> [Element] {
        let source = try to(dtype, on: .cpu)
        var result = [Element](repeating: zero, count: source.count)
        try withExtendedLifetime(source) {
            try result.withUnsafeMutableBytes { try check(ct_copy_bytes(source.handle, $0.baseAddress, $0.count)) }
        }
        return result
    }
}

extension [Int] {
    /// As libtorch takes shapes.
    var raw: [Int64] { map(Int64.init) }
}
