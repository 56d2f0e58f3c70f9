import Tensors

/// Brings weights from a source into the form in which a model computes, an adapter merged in.
struct WeightLoader {
    let weights: any WeightSource
    let adapter: LoRAAdapter?
    let device: Device
    let precision: Precision
    /// The element type between the products.
    let activations: DType
    /// The other name of a tensor that the source does not have under its own.
    private let aliases: [String: String]
    /// What the adapter changed so far: names of layers and of whole weights.
    private var adapted: Set<String> = []

    init(
        weights: any WeightSource, adapter: LoRAAdapter?, device: Device, precision: Precision, activations: DType,
        aliases: [String: String] = [:]
    ) {
        self.weights = weights
        self.adapter = adapter
        self.device = device
        self.precision = precision
        self.activations = activations
        self.aliases = aliases
    }

    /// A tensor as the adapter or the source has it.
    mutating func tensor(_ name: String, shape: [Int]) throws -> Tensor {
        let own = replacement(name)
        // Read all the same: what an adapter replaces is no tensor that nobody has read.
        if own != nil { _ = try weights.weight(name) }
        guard let tensor = try own ?? weights.weight(aliases[name] ?? name) else { throw missing(name) }
        guard tensor.shape == shape else { throw misshapen(name, tensor.shape, expected: shape) }
        return try checked(name, tensor)
    }

    /// A GGUF file has no config.json that advice could name.
    private var isGGUF: Bool { weights is GGUFWeights }

    /// Whole numbers are a quantised model's, whose scales are not read.
    private func checked(_ name: String, _ tensor: Tensor) throws -> Tensor {
        guard [.float16, .bfloat16, .float32, .float64].contains(tensor.dtype) else {
            throw LanguageModelError(
                .unsupported,
                "\(weights.path) holds \(name) as whole numbers (\(tensor.dtype)): quantised checkpoints are not supported; "
                    + "take the model in 16-bit floats\(isGGUF ? "" : ", or as a GGUF file").")
        }
        return tensor
    }

    /// The bias `name`, `[count]`; zeros where the source leaves such a bias out.
    mutating func bias(_ name: String, _ count: Int) throws -> Tensor {
        if weights.lacksZeroBiases, try weights.weight(name) == nil { return try Tensor.full(0, shape: [count]) }
        return try tensor(name, shape: [count])
    }

    /// Matrices with the same inputs below one another; `matrices` gives their names and numbers of outputs.
    mutating func weight(_ matrices: [(name: String, outputs: Int)], inputs: Int) throws -> Linear.Weight {
        let shape = [matrices.reduce(0) { $0 + $1.outputs }, inputs]
        guard precision == .int8 else {
            var dense: [Tensor] = []
            for matrix in matrices {
                var whole = try tensor(matrix.name, shape: [matrix.outputs, inputs])
                if let change = try change(matrix.name, shape: [matrix.outputs, inputs]) {
                    whole = try change.applied(to: whole.to(.float32, on: device), rows: 0..<matrix.outputs)
                }
                dense.append(try whole.to(precision.dtype, on: device))
            }
            return .dense(dense.count == 1 ? dense[0] : try Tensor.concatenated(dense, dimension: 0))
        }
        return .int8(
            try Int8Matrix(shape: shape) { add in
                for matrix in matrices {
                    let expected = [matrix.outputs, inputs]
                    let change = try change(matrix.name, shape: expected)
                    let own = replacement(matrix.name)
                    var start = 0
                    func take(_ piece: Tensor) throws {
                        let (range, shape) = (start..<start + piece.shape[0], piece.shape)
                        guard shape.count == 2, shape[1] == inputs, range.upperBound <= matrix.outputs else {
                            throw misshapen(matrix.name, shape, expected: expected)
                        }
                        let piece = try checked(matrix.name, piece)
                        try add(try change?.applied(to: piece, rows: range) ?? piece)
                        start = range.upperBound
                    }
                    if let own {
                        _ = try weights.weight(matrix.name)
                        try take(own)
                    } else {
                        try weights.forEachPiece(of: aliases[matrix.name] ?? matrix.name, take)
                    }
                    if start == 0 { throw missing(matrix.name) }
                    if start < matrix.outputs { throw misshapen(matrix.name, [start, inputs], expected: expected) }
                }
            })
    }

    /// Throws when the adapter changes something that the model does not have, or the source has tensors of the model's
    /// layers that nothing has read: a model computed without them would be another one.
    func checkAllIsUsed() throws {
        let unread = weights.unread.sorted()
        if let first = unread.first {
            let isQuantised = ["SCB", "scale", "zero", "quant", "absmax"].contains { first.contains($0) }
            let hint =
                isQuantised
                ? " It looks like a part of a quantised model; take the model in 16-bit floats"
                    + (isGGUF ? "." : ", or as a GGUF file.")
                : isGGUF
                    ? " Convert the model to GGUF anew." : " Take the config.json that the weights were saved with."
            let count = unread.count == 1 ? "a tensor" : "\(unread.count) tensors"
            throw LanguageModelError(
                .unsupported,
                "\(weights.path) holds \(count) of the model's layers "
                    + "that the configuration does not call for: \(unread.prefix(3).joined(separator: ", ")).\(hint)")
        }
        guard let adapter else { return }
        let all = Set(adapter.layers.keys).union(adapter.replacements.keys)
        let unused = all.subtracting(adapted).sorted()
        guard let first = unused.first else { return }
        throw LanguageModelError(
            .adapterMismatch,
            "\(adapter.path) was made for another model: \(unused.count) of the \(all.count) weights that it changes do "
                + "not exist in \(weights.path), for example \(first).")
    }

    private mutating func change(_ name: String, shape: [Int]) throws -> LoRAChange? {
        let layer = String(name.dropLast(".weight".count))
        let change = try adapter?.change(of: layer, shape: shape)
        if change != nil { adapted.insert(layer) }
        return change
    }

    private mutating func replacement(_ name: String) -> Tensor? {
        guard let tensor = adapter?.replacements[name] else { return nil }
        adapted.insert(name)
        return tensor
    }

    private func missing(_ name: String) -> LanguageModelError {
        LanguageModelError(.modelNotReadable, "\(weights.path) lacks the weights \(name).")
    }

    private func misshapen(_ name: String, _ shape: [Int], expected: [Int]) -> LanguageModelError {
        LanguageModelError(
            .modelNotReadable, "\(weights.path) holds \(name) as \(shape), expected \(expected).")
    }
}
