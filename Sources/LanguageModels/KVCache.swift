import Tensors

/// The keys and values of the tokens that a model has read in one conversation.
///
/// One owner at a time; memory grows by doubling.
public final class KVCache: @unchecked Sendable {
    /// Per layer `[keyValueHeads, capacity, headWidth]`.
    private var keys: [Tensor?]
    private var values: [Tensor?]
    /// The tokens held.
    public private(set) var count = 0

    public init(layerCount: Int) {
        keys = Array(repeating: nil, count: layerCount)
        values = Array(repeating: nil, count: layerCount)
    }

    /// A copy of the first `count` tokens.
    public func prefix(_ count: Int) throws -> KVCache {
        let copy = KVCache(layerCount: keys.count)
        guard count > 0 else { return copy }
        for layer in keys.indices {
            guard let key = keys[layer], let value = values[layer] else { continue }
            try copy.write(key.narrowed(1, 0..<count), value.narrowed(1, 0..<count), layer: layer)
        }
        copy.advance(by: count)
        return copy
    }

    /// Forgets all tokens after the first `count`.
    public func truncate(to count: Int) {
        precondition(count <= self.count)
        self.count = count
    }

    /// Writes the keys and values `[keyValueHeads, new, headWidth]` of new tokens in `layer` behind the held ones and
    /// returns all, the new ones included. ``advance(by:)`` makes them count once every layer is written.
    @discardableResult
    func write(_ key: Tensor, _ value: Tensor, layer: Int) throws -> (keys: Tensor, values: Tensor) {
        let end = count + key.shape[1]
        keys[layer] = try room(keys[layer], for: end, like: key)
        values[layer] = try room(values[layer], for: end, like: value)
        guard let allKeys = keys[layer], let allValues = values[layer] else { preconditionFailure() }
        try allKeys.narrowed(1, count..<end).write(key)
        try allValues.narrowed(1, count..<end).write(value)
        return (try allKeys.narrowed(1, 0..<end), try allValues.narrowed(1, 0..<end))
    }

    func advance(by new: Int) { count += new }

    /// `held`, or a larger tensor with its content, so that `needed` tokens fit.
    private func room(_ held: Tensor?, for needed: Int, like new: Tensor) throws -> Tensor {
        let size = new.shape
        if let held, held.shape[1] >= needed { return held }
        var capacity = 256
        while capacity < needed { capacity *= 2 }
        let larger = try Tensor.empty([size[0], capacity, size[2]], dtype: new.dtype, on: new.device)
        if let held, count > 0 { try larger.narrowed(1, 0..<count).write(held.narrowed(1, 0..<count)) }
        return larger
    }
}
