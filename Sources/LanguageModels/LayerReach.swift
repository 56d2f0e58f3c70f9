import Tensors

/// A value for the layers that see all tokens, and one for those with a sliding window.
struct LayerReach<Value> {
    private let configuration: ModelConfiguration
    private let whole: Value
    private let sliding: Value?

    /// - Parameter make: Makes a value from rotary frequencies `[headWidth / 2]` and a window: the most tokens that a
    ///   token sees, itself included, or 0 for all.
    init(_ model: CausalLM, _ make: (_ frequencies: Tensor, _ window: Int) throws -> Value) rethrows {
        configuration = model.configuration
        whole = try make(model.inverseFrequencies, 0)
        sliding = try model.slidingFrequencies.map { try make($0, model.configuration.slidingWindow?.length ?? 0) }
    }

    subscript(layer: Int) -> Value { configuration.hasSlidingWindow(layer) ? sliding ?? whole : whole }
}
