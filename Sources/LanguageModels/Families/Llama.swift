extension ModelFamily {
    /// Llama 2 and 3, SmolLM2.
    ///
    /// Source: Transformers, `modeling_llama.py`.
    public static let llama = ModelFamily("llama", className: "LlamaForCausalLM") {
        $0.interleavesHeads = true
        $0.takesFeedForwardBias = true
    }
}
