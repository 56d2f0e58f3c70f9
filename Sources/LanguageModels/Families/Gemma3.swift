extension ModelFamily {
    /// Gemma 3, its text models.
    ///
    /// Source: Transformers, `modeling_gemma3.py`; llama.cpp, `llama-model.cpp`.
    public static let gemma3 = ModelFamily("gemma3", modelType: "gemma3_text", className: "Gemma3ForCausalLM") {
        $0.norms = headNorms.merging([
            .attentionInput: NormNames("input_layernorm", gguf: "attn_norm"),
            .attentionOutput: NormNames("post_attention_layernorm", gguf: "post_attention_norm"),
            .feedForwardInput: NormNames("pre_feedforward_layernorm", gguf: "ffn_norm"),
            .feedForwardOutput: NormNames("post_feedforward_layernorm", gguf: "post_ffw_norm"),
        ]) { $1 }
        $0.normOffset = 1
        $0.tiesEmbeddings = true
        $0.activation = .gelu
        $0.namesHiddenActivation = true
        $0.scalesEmbeddings = true
        $0.headWidth = 256
        $0.queryScalar = 256
        $0.ropeBase = 1_000_000
        $0.slidingWindow = SlidingWindowDefaults(pattern: 6, ropeBase: 10_000)
    }
}
