/// The root-mean-square norms of a transformer block.
enum NormModule: CaseIterable, Hashable, Sendable {
    /// Of what attention and the feed-forward layers read from the residual stream.
    case attentionInput, feedForwardInput
    /// Of what they add to it (Gemma 3).
    case attentionOutput, feedForwardOutput
    /// Of each head's query and key, before they are turned (Qwen3, Gemma 3).
    case query, key

    /// The norm's name in a block, as Hugging Face has it; nil where the family has no such norm.
    func name(in family: ModelConfiguration.Family) -> String? {
        switch (self, family) {
        case (.attentionInput, _): "input_layernorm"
        case (.attentionOutput, .gemma3): "post_attention_layernorm"
        case (.feedForwardInput, .gemma3): "pre_feedforward_layernorm"
        case (.feedForwardInput, _): "post_attention_layernorm"
        case (.feedForwardOutput, .gemma3): "post_feedforward_layernorm"
        case (.query, .qwen3), (.query, .gemma3): "self_attn.q_norm"
        case (.key, .qwen3), (.key, .gemma3): "self_attn.k_norm"
        default: nil
        }
    }
}
