import Tensors

/// Brings weights from a source into the form in which a model computes, an adapter merged in.
struct WeightLoader {
    let weights: any WeightSource
    let adapter: LoRAAdapter?
    let device: Device
    let precision: Precision
    /// The element type between the products.
    let activations: DType
    /// The layers of the adapter that were merged.
    private var adapted = 0

    init(weights: any WeightSource, adapter: LoRAAdapter?, device: Device, precision: Precision, activations: DType) {
        self.weights = weights
        self.adapter = adapter
        self.device = device
        self.precision = precision
        self.activations = activations
    }

    /// A tensor as the source has it.
    func tensor(_ name: String, shape: [Int]) throws -> Tensor {
        guard let tensor = try weights.weight(name) else { throw missing(name) }
        guard tensor.shape == shape else { throw misshapen(name, tensor.shape, expected: shape) }
        return tensor
    }

    /// Matrices with the same inputs below one another; `matrices` gives their names and numbers of outputs.
    mutating func weight(_ matrices: [(name: String, outputs: Int)], inputs: Int) throws -> Linear.Weight {
        let shape = [matrices.reduce(0) { $0 + $1.outputs }, inputs]
        guard precision == .int8 else {
            var dense: [Tensor] = []
            for matrix in matrices {
                var whole = try tensor(matrix.name, shape: [matrix.outputs, inputs])
                if let delta = try delta(matrix.name, shape: [matrix.outputs, inputs]) {
                    whole = try whole.to(.float32, on: device) + delta.to(.float32, on: device)
                }
                dense.append(try whole.to(precision.dtype, on: device))
            }
            return .dense(dense.count == 1 ? dense[0] : try Tensor.concatenated(dense, dimension: 0))
        }
        return .int8(
            try Int8Matrix(shape: shape) { add in
                for matrix in matrices {
                    let expected = [matrix.outputs, inputs]
                    let delta = try delta(matrix.name, shape: expected)
                    var start = 0
                    try weights.forEachPiece(of: matrix.name) { piece in
                        let (range, shape) = (start..<start + piece.shape[0], piece.shape)
                        guard shape.count == 2, shape[1] == inputs, range.upperBound <= matrix.outputs else {
                            throw misshapen(matrix.name, shape, expected: expected)
                        }
                        try add(try delta.map { try piece.to(.float32) + $0.narrowed(0, range) } ?? piece)
                        start = range.upperBound
                    }
                    if start == 0 { throw missing(matrix.name) }
                    if start < matrix.outputs { throw misshapen(matrix.name, [start, inputs], expected: expected) }
                }
            })
    }

    /// Throws when the adapter has layers that the model does not have.
    func checkAdapter() throws {
        guard let adapter, adapted != adapter.layers.count else { return }
        throw LanguageModelError(
            .adapterMismatch,
            "\(adapter.path) was made for another model: \(adapter.layers.count - adapted) of its "
                + "\(adapter.layers.count) layers do not exist in \(weights.path).")
    }

    private mutating func delta(_ name: String, shape: [Int]) throws -> Tensor? {
        let delta = try adapter?.delta(for: String(name.dropLast(".weight".count)), shape: shape)
        if delta != nil { adapted += 1 }
        return delta
    }

    private func missing(_ name: String) -> LanguageModelError {
        LanguageModelError(.modelNotReadable, "\(weights.path) lacks the weights \(name).")
    }

    private func misshapen(_ name: String, _ shape: [Int], expected: [Int]) -> LanguageModelError {
        LanguageModelError(
            .modelNotReadable, "\(weights.path) holds \(name) as \(shape), expected \(expected).")
    }
}
