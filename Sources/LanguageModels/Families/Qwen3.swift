extension ModelFamily {
    /// Qwen3, its dense models.
    ///
    /// Source: Transformers, `modeling_qwen3.py`.
    public static let qwen3 = ModelFamily("qwen3", className: "Qwen3ForCausalLM") {
        $0.norms.merge(headNorms) { $1 }
        $0.headWidth = 128
        $0.answerForm = "rewrite"
    }
}
