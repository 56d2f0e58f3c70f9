/// The root-mean-square norms of a transformer block; ``ModelFamily`` says which of them a model has.
enum NormModule: CaseIterable, Hashable, Sendable {
    /// The norms of the inputs of attention and of the feed-forward layers.
    case attentionInput, feedForwardInput
    /// The norms of their outputs, before the residual stream takes them in.
    case attentionOutput, feedForwardOutput
    /// The norms of each head's query and key, before the rotation.
    case query, key
}
