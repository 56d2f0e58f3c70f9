public import Tensors

/// The trainable matrices of a LoRA adapter on all linear layers of a model.
///
/// All matrices lie in one vector, and so do their gradients: an optimiser step, the norm of the gradient, a checkpoint
/// and an all-reduce are each one operation.
public final class LoRAWeights: Sendable {
    /// The adapter's shape.
    public let configuration: LoRAConfiguration
    /// All matrices, `[parameters]` in 32-bit floats, and the gradients to which ``Tensor/backward(_:)`` adds.
    public let values, gradients: Tensor
    /// For each layer and module `a [rank, in]` and `b [out, rank]`, 32-bit floats.
    private let pairs: [[LinearModule: (a: Tensor, b: Tensor)]]

    /// A new adapter that changes nothing yet: A uniform within ±1/√in, as PEFT begins, and B zero.
    public convenience init(_ configuration: LoRAConfiguration, for model: CausalLM, seed: UInt64) throws {
        let perLayer = LinearModule.allCases.reduce(0) { size, module in
            let shape = model.configuration.shape(of: module)
            return size + configuration.rank * (shape.in + shape.out)
        }
        let values = try Tensor.full(0, shape: [perLayer * model.configuration.layerCount], on: model.device)
        try self.init(configuration, values: values, for: model)
        for (layer, modules) in pairs.enumerated() {
            for (index, module) in LinearModule.allCases.enumerated() {
                guard let pair = modules[module] else { continue }
                let bound = 1 / Double(pair.a.shape[1]).squareRoot()
                // A stream of its own for each matrix, so that none depends on the order of their creation.
                var random = SplitMix64(state: seed &+ UInt64(layer * LinearModule.allCases.count + index))
                try pair.a.fillUniformly(-bound..<bound, seed: random.next())
            }
        }
    }

    /// Weights with the same values and gradients of their own, for passes side by side.
    public convenience init(sharing weights: LoRAWeights, for model: CausalLM) throws {
        try self.init(weights.configuration, values: weights.values, for: model)
    }

    private init(_ configuration: LoRAConfiguration, values: Tensor, for model: CausalLM) throws {
        let gradients = try Tensor.full(0, shape: values.shape, on: model.device)
        var start = 0
        /// The next matrix of the vector.
        func matrix(_ rows: Int, _ columns: Int) throws -> Tensor {
            defer { start += rows * columns }
            let range = start..<start + rows * columns
            return try values.narrowed(0, range).reshaped([rows, columns])
                .leaf(addingTo: gradients.narrowed(0, range).reshaped([rows, columns]))
        }
        pairs = try (0..<model.configuration.layerCount).map { _ in
            var modules: [LinearModule: (a: Tensor, b: Tensor)] = [:]
            for module in LinearModule.allCases {
                let shape = model.configuration.shape(of: module)
                modules[module] = (
                    a: try matrix(configuration.rank, shape.in), b: try matrix(shape.out, configuration.rank)
                )
            }
            return modules
        }
        self.configuration = configuration
        self.values = values
        self.gradients = gradients
    }

    /// A copy of a saved adapter, to train it further.
    ///
    /// - Throws: ``LanguageModelError`` with `adapterMismatch` for an adapter that does not cover all linear layers.
    public convenience init(_ adapter: LoRAAdapter, dropout: Double = 0, for model: CausalLM) throws {
        try self.init(
            LoRAConfiguration(rank: adapter.rank, alpha: adapter.scale * Double(adapter.rank), dropout: dropout),
            for: model, seed: 0)
        try copy(adapter)
    }

    /// Takes the values of a saved adapter.
    ///
    /// - Throws: ``LanguageModelError`` with `adapterMismatch` for an adapter of another shape.
    public func copy(_ adapter: LoRAAdapter) throws {
        guard adapter.isPlain else {
            throw LanguageModelError(
                .adapterMismatch,
                "\(adapter.path) cannot be trained further: only plain LoRA with one rank and alpha for all layers can, without "
                    + "DoRA and modules_to_save.")
        }
        for (layer, modules) in pairs.enumerated() {
            for (module, pair) in modules {
                let name = module.name(layer: layer)
                guard let saved = adapter.layers[name], saved.a.shape == pair.a.shape, saved.b.shape == pair.b.shape
                else {
                    throw LanguageModelError(
                        .adapterMismatch,
                        "\(adapter.path) cannot be trained further: it has no \(name) of rank \(configuration.rank) in "
                            + "this model's size.")
                }
                try pair.a.write(saved.a.to(.float32, on: pair.a.device))
                try pair.b.write(saved.b.to(.float32, on: pair.b.device))
            }
        }
        guard adapter.layers.count == pairs.count * LinearModule.allCases.count else {
            throw LanguageModelError(.adapterMismatch, "\(adapter.path) was made for a model with more layers.")
        }
    }

    /// The weights as they are now, as an adapter that shares their memory.
    public var adapter: LoRAAdapter {
        var layers: [String: (a: Tensor, b: Tensor)] = [:]
        for (layer, modules) in pairs.enumerated() {
            for (module, pair) in modules { layers[module.name(layer: layer)] = pair }
        }
        return LoRAAdapter(
            path: "the adapter in training", rank: configuration.rank, scale: configuration.scale, layers: layers)
    }

    /// The outputs of each module of a group, with the adapter, for `input [tokens, in]`.
    ///
    /// - Parameter dropped: The input of the adapter; `input` when nil.
    func adapted(
        _ group: LinearGroup, layer: Int, frozen: FrozenWeight, bias: Tensor?, _ input: Tensor, dropped: Tensor?
    ) throws -> [Tensor] {
        let adapters = group.modules.compactMap { pairs[layer][$0] }
        return try input.linear(frozen, bias: bias, adapters: adapters, scale: configuration.scale, dropped: dropped)
    }
}
