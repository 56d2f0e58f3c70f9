extension ModelFamily {
    /// Qwen2 and Qwen2.5.
    ///
    /// Source: Transformers, `modeling_qwen2.py`.
    public static let qwen2 = ModelFamily("qwen2", className: "Qwen2ForCausalLM") {
        $0.hasAttentionBias = true
        $0.answerForm = "rewrite"
    }
}
